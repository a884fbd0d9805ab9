/**
 * How a phone is asked to answer a click-to-dial automatically. Every make reads a different header: Call-Info with answer-after
 * (RFC 5373 came too late for them), or Alert-Info with a text of its maker.
 */

/** The known makes; `generic` for those that read Call-Info, `none` to let the phone ring. */
export const phoneMakes = ["generic", "yealink", "snom", "polycom", "grandstream", "mitel", "none"] as const;
export type PhoneMake = (typeof phoneMakes)[number];

/** The headers of an INVITE to such a phone. */
export interface AutoAnswer {
  /** Call-Info with `answer-after=0`. */
  readonly callInfo: boolean;
  /** The text of Alert-Info. */
  readonly alertInfo?: string;
}

/** For each make, the headers that ask a phone to answer automatically. */
export const autoAnswers: Readonly<Record<PhoneMake, AutoAnswer>> = {
  generic: { callInfo: true },
  // Yealink: "Auto Answer by Alert-Info" and Call-Info answer-after
  yealink: { callInfo: true, alertInfo: "info=alert-autoanswer;delay=0" },
  // snom: Alert-Info with info=alert-autoanswer
  snom: { callInfo: true, alertInfo: "<http://localhost>;info=alert-autoanswer;delay=0" },
  // Polycom: the alert class named "Ring Answer" in its voIpProt.SIP.alertInfo settings
  polycom: { callInfo: false, alertInfo: "Ring Answer" },
  // Grandstream: "Allow Auto Answer by Call-Info"
  grandstream: { callInfo: true },
  // Mitel (Aastra): Alert-Info with info=alert-autoanswer
  mitel: { callInfo: false, alertInfo: "info=alert-autoanswer" },
  none: { callInfo: false },
};
