/** Opens a connection to the broker. */
import type { Broker, BrokerOptions } from "./broker.ts";

/** See `OpenBroker`. The library is loaded now, so that a telesetd without a broker does not pay for it. */
export async function openBroker(options: BrokerOptions, signal: AbortSignal): Promise<Broker> {
  const { openNats } = await import("./nats.ts");
  return await openNats(options, signal);
}
