/** The session that a call of the box offers: on hold (RFC 3264, section 8.4), with codecs that every phone has. */

/**
 * An SDP body without media. It has a port and codecs, because phones refuse a session without them.
 * @param host the address of the box, which the syntax requires.
 * @param id a number for this call alone.
 */
export function holdSdp(host: string, id: number): string {
  const kind = host.includes(":") ? "IP6" : "IP4";
  return [
    "v=0",
    `o=telesetd ${id} 1 IN ${kind} ${host}`,
    "s=-",
    `c=IN ${kind} ${host}`,
    "t=0 0",
    "m=audio 9 RTP/AVP 0 8 9 101",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=inactive",
    "",
  ].join("\r\n");
}

/** The first address of a list such as `udp/10.0.0.5:5060,tcp/10.0.0.5:5060`. */
export function hostOf(listeners: string): string {
  const [, bracketed, plain] = /^[a-z]+\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]+)):\d+/.exec(listeners) ?? [];
  return bracketed ?? plain ?? "127.0.0.1";
}
