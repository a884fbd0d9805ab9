/** A separate program: one request through the driver's stack, with the DEBUG of the environment. Prints the answer's status. */
import { answerTo, Peer } from "./peer.ts";

await using peer = await Peer.listen();
const stack = await peer.open();
process.stdout.write(`${(await answerTo(stack)).status}\n`);
stack.close("done");
