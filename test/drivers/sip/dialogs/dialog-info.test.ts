/** The reader of dialog-info documents: what it accepts, and its reasons for refusing the rest. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { maxDialogInfoLength, readDialogInfo } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { cpuMs } from "../../../support/cpu.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const namespace = "urn:ietf:params:xml:ns:dialog-info";
const head = `xmlns="${namespace}" version="3" state="full" entity="sip:1001@pbx"`;
const documentOf = (inner: string) => `<?xml version="1.0"?>\n<dialog-info ${head}>${inner}</dialog-info>`;
const nothing = { version: 3, state: "full", entity: "sip:1001@pbx", dialogs: [] } as const;
const ringing = `<dialog id="d1"><state>early</state></dialog>`;

test("a document with everything", () => {
  expect(readDialogInfo(documentOf(`
    <dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774" remote-tag="456887766" direction="recipient">
      <state event="rejected" code="486">terminated</state>
      <duration>274</duration>
      <referred-by display="Bob">sip:bob@pbx</referred-by>
      <local>
        <identity display="Desk &amp; chair">sip:1001@pbx</identity>
        <target uri="sip:1001@10.0.0.21"><param pname="+SIP.Rendering" pvalue="no"/><param pname="+sip.byeless" pvalue="true"/></target>
      </local>
      <remote><identity>sip:14155550123@pbx</identity><target uri="sip:gw@pbx"/></remote>
    </dialog>`))).toEqual({
    ...nothing,
    dialogs: [{
      id: "as7d900as8",
      callId: "a84b4c76e66710",
      localTag: "1928301774",
      remoteTag: "456887766",
      direction: "recipient",
      state: "terminated",
      event: "rejected",
      code: 486,
      local: {
        identity: { uri: "sip:1001@pbx", display: "Desk & chair" },
        target: "sip:1001@10.0.0.21",
        params: { "+sip.rendering": "no", "+sip.byeless": "true" },
      },
      remote: { identity: { uri: "sip:14155550123@pbx" }, target: "sip:gw@pbx", params: {} },
    }],
  });
});

describe("accepted as well:", () => {
  const early = { ...nothing, dialogs: [{ id: "d1", state: "early" }] };
  test.each([
    ["white space, a byte order mark and zeros around it", `\ufeff\n\t ${documentOf(ringing)}\r\n\0\0`, early],
    ["a declared encoding", documentOf(ringing).replace("?>", ' encoding="ISO-8859-1" standalone="yes"?>'), early],
    ["comments and CDATA", documentOf("<!-- a --><dialog id='d1'><state>ea<!-- b --><![CDATA[rly]]> </state></dialog>"), early],
    ["a processing instruction", documentOf(`<?php echo 1?>${ringing}`), early],
    ["capitals in a state", documentOf(ringing.replace("early", "Early")), early],
    [
      "a prefix",
      `<x:dialog-info ${head.replace("xmlns", "xmlns:x")}><x:dialog id="d1"><x:state>early</x:state></x:dialog></x:dialog-info>`,
      early,
    ],
    ["no namespace at all", `<dialog-info version="3" state="full" entity="sip:1001@pbx">${ringing}</dialog-info>`, early],
    [
      "elements of other namespaces, which say nothing",
      documentOf(
        `<dialog xmlns="urn:other" id="x"><state>early</state></dialog><o:dialog xmlns:o="urn:other"/><p:dialog/>${
          ringing.replace("<state>", '<o:state xmlns:o="urn:o">confirmed</o:state><state>')
        }`,
      ),
      early,
    ],
    ["zeros before the version", documentOf(ringing).replace('version="3"', 'version="00000000003"'), early],
    ["the highest version", documentOf("").replace('version="3"', 'version="4294967295"'), { ...nothing, version: 4294967295 }],
    ["no entity", documentOf("").replace('entity="sip:1001@pbx"', ""), { ...nothing, entity: "" }],
    ["a Call-ID for an id", documentOf(ringing.replace("id=", "call-id=")), {
      ...nothing,
      dialogs: [{ id: "d1", callId: "d1", state: "early" }],
    }],
    ["a dialog without a state: the phone is idle", documentOf('<dialog id="d1"/>'), {
      ...nothing,
      dialogs: [{ id: "d1", state: "terminated" }],
    }],
    ["events and codes that nobody knows", documentOf(ringing.replace("<state>", '<state event="exploded" code="99">')), early],
    ["a direction that nobody knows", documentOf(ringing.replace("<dialog ", '<dialog direction="sideways" ')), early],
    [
      "two targets, the hold in the second",
      documentOf(
        ringing.replace(
          "</state>",
          '</state><local><target uri="a"/></local><local><target><param pname="+sip.rendering" pvalue="no"/></target></local>',
        ),
      ),
      { ...nothing, dialogs: [{ id: "d1", state: "early", local: { target: "a", params: { "+sip.rendering": "no" } } }] },
    ],
    [
      "a parameter's value as the RFC writes it (section 4.2), and in quotes",
      documentOf(
        ringing.replace(
          "</state>",
          '</state><local><target uri="a"><param pname="+sip.rendering" pval="no"/><param pname="b" pval="&quot;c&quot;"/></target></local>',
        ),
      ),
      { ...nothing, dialogs: [{ id: "d1", state: "early", local: { target: "a", params: { "+sip.rendering": "no", b: "c" } } }] },
    ],
  ])("%s", (_, body, wanted) => expect(readDialogInfo(body)).toEqual(wanted as ReturnType<typeof readDialogInfo>));

  test("parameters with the names of an object's own", () => {
    const { dialogs } = readDialogInfo(documentOf(
      ringing.replace(
        "</state>",
        '</state><local><target><param pname="__proto__" pvalue="x"/><param pname="constructor"/></target></local>',
      ),
    ));
    expect(Object.entries(dialogs[0]?.local?.params ?? {})).toEqual([["__proto__", "x"], ["constructor", ""]]);
  });
});

const laughs = `<!DOCTYPE l [<!ENTITY a "ha">${
  Array.from({ length: 9 }, (_, n) => `<!ENTITY ${"bcdefghij"[n]} "${`&${"abcdefghi"[n]};`.repeat(10)}">`).join("")
}]>`;

describe("refused with a sentence:", () => {
  test.each([
    ["nothing", "", "Cannot parse XML"],
    ["white space", " \n ", "Cannot parse XML"],
    ["no XML", "hello", "Cannot parse XML"],
    ["HTML", "<html><body>404<br></body></html>", "Cannot parse XML"],
    ["JSON", '{"state":"full"}', "Cannot parse XML"],
    ["another document", '<presence xmlns="urn:ietf:params:xml:ns:pidf"/>', 'its root is <"presence">: expected <dialog-info>'],
    [
      "another namespace",
      `<dialog-info xmlns="urn:x" version="1" state="full"/>`,
      `its namespace is "urn:x": expected ${namespace}`,
    ],
    ["an undeclared prefix", `<x:dialog-info version="1" state="full"/>`, `expected ${namespace}`],
    [
      "a document type with a billion laughs",
      `${laughs}<dialog-info ${head}>&j;</dialog-info>`,
      "a document type (<!DOCTYPE>) is not allowed",
    ],
    ["an outside entity", '<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>', "a document type (<!DOCTYPE>) is not allowed"],
    ["an entity that is not there", documentOf("&nbsp;"), "Cannot parse XML"],
    ["a bottomless nesting", documentOf("<a>".repeat(9000) + "</a>".repeat(9000)), "nested deeper than 32 levels"],
    [
      "an endless one",
      `${documentOf("")}${" ".repeat(8)}<!--${"x".repeat(maxDialogInfoLength)}-->`,
      `expected at most ${maxDialogInfoLength}`,
    ],
    ["a document that is cut off", documentOf(ringing).slice(0, -8), "Cannot parse XML"],
    ["two documents", documentOf("") + documentOf(""), "Cannot parse XML"],
    ["control characters", documentOf("\u0007"), "Cannot parse XML"],
    ["a control character by its number", documentOf("&#7;"), "Cannot parse XML"],
    ["no version", documentOf("").replace('version="3"', ""), "its version is missing"],
    [
      "a negative version",
      documentOf("").replace('version="3"', 'version="-1"'),
      'its version is "-1": expected a number from 0',
    ],
    [
      "a version beyond 32 bits",
      documentOf("").replace('version="3"', 'version="4294967296"'),
      "expected a number from 0 to 4294967295",
    ],
    ["no state", documentOf("").replace('state="full"', ""), "its state is missing: expected full or partial"],
    ["an unknown state", documentOf("").replace("full", "most"), 'its state is "most"'],
    ["a dialog without an id", documentOf(`${ringing}<dialog><state>early</state></dialog>`), "its dialog 2 has no id"],
    [
      "an unknown state of a dialog",
      documentOf(ringing.replace("early", "ringing")),
      'the state of its dialog 1 is "ringing": expected trying',
    ],
  ])("%s", (_, body, why) => expect(() => readDialogInfo(body)).toThrow(why));

  test("text from a stranger is made safe and short in the error", () => {
    const body = documentOf(ringing.replace("early", `x\u0085"${"y".repeat(100)}`));
    expect(() => readDialogInfo(body)).toThrow(/is "x\?\?y{37}\.\.\.": expected/);
  });
});

test("a document full of prefixes, or of children, is read quickly", async () => {
  const prefixes = Array.from({ length: 5000 }, (_, n) => ` xmlns:p${n}="u"`).join("");
  const children = Array.from({ length: 5000 }, (_, n) => `<dialog id="${n}" xmlns:q="u"/>`).join("");
  const document = documentOf(children).replace("<dialog-info", `<dialog-info${prefixes}`);
  expect(await cpuMs(() => expect(readDialogInfo(document).dialogs).toHaveLength(5000))).toBeLessThan(2000);
});

test.each([" ", "\n", "\0"])("a body full of %j is read quickly", async (padding) => {
  const document = `<dialog-info>${padding.repeat(maxDialogInfoLength - 100)}x`;
  expect(await cpuMs(() => expect(() => readDialogInfo(document)).toThrow("Cannot parse XML"))).toBeLessThan(2000);
});

/** A value, or an Error whose words say what was being done. */
function outcome(body: string): boolean {
  try {
    return readDialogInfo(body).version >= 0;
  } catch (error) {
    return error instanceof Error && /^Cannot (parse XML|read the dialog-info)\b/.test(error.message);
  }
}

describe("whatever comes,", () => {
  test("there is a document or a sentence", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), outcome), { numRuns: 2000 });
  });

  test("also from a good document in which something was cut, doubled or inserted", () => {
    const good = documentOf(`<dialog id="d1" direction="recipient"><state>early</state>
      <local><identity display="D">sip:1001@pbx</identity><target uri="x"><param pname="a" pvalue="b"/></target></local></dialog>`);
    const at = fc.nat(good.length);
    fc.assert(
      fc.property(
        at,
        at,
        fc.oneof(fc.string(), fc.constantFrom("<", ">", "&", '"', "<!--", "<![CDATA[", "]]>", "<!DOCTYPE", "</dialog>")),
        (a, b, text) =>
          outcome(good.slice(0, Math.min(a, b)) + text + good.slice(Math.max(a, b))) &&
          outcome(good.slice(0, a) + text + good.slice(b)),
      ),
      { numRuns: 1000 },
    );
  });
});
