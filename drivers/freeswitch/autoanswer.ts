/**
 * How a phone is asked to answer a click-to-dial by itself. Every make reads another header: Call-Info with answer-after
 * (which `sip_auto_answer` of mod_sofia sends), or Alert-Info with words of its own (`alert_info`).
 */

/** The makes that are known, `generic` for those that go by Call-Info, `none` to let the phone ring. */
export const phoneMakes = ["generic", "yealink", "snom", "polycom", "grandstream", "mitel", "none"] as const;
export type PhoneMake = (typeof phoneMakes)[number];

const callInfo = "sip_auto_answer=true";

const variables: Record<PhoneMake, readonly string[]> = {
  generic: [callInfo],
  // Yealink: "Auto Answer by Alert-Info" and Call-Info answer-after
  yealink: [callInfo, "alert_info=info=alert-autoanswer;delay=0"],
  // snom: Alert-Info with info=alert-autoanswer
  snom: [callInfo, "alert_info=<http://localhost>;info=alert-autoanswer;delay=0"],
  // Polycom: the alert class named "Ring Answer" in its voIpProt.SIP.alertInfo settings
  polycom: ["alert_info='Ring Answer'"],
  // Grandstream: "Allow Auto Answer by Call-Info"
  grandstream: [callInfo],
  // Mitel (Aastra): Alert-Info with info=alert-autoanswer
  mitel: ["alert_info=info=alert-autoanswer"],
  none: [],
};

/** The channel variables for an originate to such a phone. */
export function autoAnswer(make: PhoneMake): readonly string[] {
  return variables[make];
}
