/**
 * A bridge between FreeSWITCH and Oracle UWQ, as a site would write it in an afternoon: modesl for the event socket, express
 * for the callouts, axios for the POSTs. It works like telesetd as long as nothing fails. It does not filter at the switch,
 * write to disk, retry, keep the order when a POST is slow, or reconnect.
 *
 * node bridge.js ESL_PORT HTTP_PORT DOMAIN EXTENSION...
 */
import axios from "axios";
import express from "express";
import esl from "modesl";

const [eslPort, httpPort, domain, ...extensions] = process.argv.slice(2);

const agents = new Map(); // extension -> { agentID, url }
const calls = new Map(); // uuid -> { extension, popped, established }
const desks = new Map(extensions.map((extension) => [`${extension}@${domain}`, extension]));

const app = express();
app.get("/", (req, res) => {
  const { FunctionName, telesetNumber, agentID, ipAddress, port } = req.query;
  if (FunctionName === "Register") {
    agents.set(telesetNumber, { agentID, url: `http://${ipAddress || "127.0.0.1"}:${port}/` });
  } else if (FunctionName === "Unregister") {
    agents.delete(telesetNumber);
  } else if (FunctionName !== "CheckStatus") {
    return res.type("text/xml").send('<CCTSDK><event name="Error"><data name="occtErrorMsg" value="unknown"/></event></CCTSDK>');
  }
  res.type("text/xml").send("<CCTSDK></CCTSDK>");
});

function escape(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}

async function post(extension, name, data) {
  const agent = agents.get(extension);
  if (!agent) return;
  const pairs = Object.entries(data).map(([key, value]) => `<data name="${key}" value="${escape(value)}"/>`).join("");
  const xml = `<CCTSDK><event name="${name}">${pairs}</event></CCTSDK>`;
  try {
    await axios.post(agent.url, xml, { headers: { "Content-Type": "text/xml" }, timeout: 5000 });
  } catch (error) {
    console.error(`cannot post ${name}: ${error.message}`);
  }
}

function onEvent(event) {
  const extension = desks.get(event.getHeader("Channel-Presence-ID"));
  if (!extension) return;
  const uuid = event.getHeader("Unique-ID");
  const call = calls.get(uuid);
  switch (event.getHeader("Event-Name")) {
    case "CHANNEL_PROGRESS":
      if (call) return;
      calls.set(uuid, { extension, established: false });
      post(extension, "ScreenPop", {
        occtSourceID: uuid,
        occtANI: event.getHeader("Caller-Caller-ID-Number"),
        occtDNIS: extension,
      });
      break;
    case "CHANNEL_ANSWER":
      if (!call || call.established) return;
      call.established = true;
      post(extension, "CallEstablished", { occtSourceID: uuid });
      break;
    case "CHANNEL_HANGUP":
      if (!call) return;
      calls.delete(uuid);
      post(extension, "CallReleased", { occtSourceID: uuid });
      break;
  }
}

app.listen(Number(httpPort), "127.0.0.1", () => {
  const connection = new esl.Connection("127.0.0.1", Number(eslPort), "ClueCon", () => {
    connection.on("esl::event::**", (event) => {
      if (event && typeof event.getHeader === "function") onEvent(event);
    });
    connection.events("json", "all", () => console.log("the bridge runs"));
  });
  connection.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  connection.on("esl::end", () => process.exit(0));
});
