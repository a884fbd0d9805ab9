/** The channel variables of an originate with which FreeSWITCH asks a phone to answer automatically (mod_sofia). */
import { autoAnswers, type PhoneMake } from "../shared/auto-answer.ts";

/** The channel variables for an originate to a phone of this make: `sip_auto_answer` sends Call-Info, `alert_info` Alert-Info. */
export function autoAnswer(make: PhoneMake): readonly string[] {
  const { callInfo, alertInfo } = autoAnswers[make];
  return [
    ...(callInfo ? ["sip_auto_answer=true"] : []),
    // A space would end the variable, so the value is quoted (switch_separate_string).
    ...(alertInfo === undefined ? [] : [`alert_info=${alertInfo.includes(" ") ? `'${alertInfo}'` : alertInfo}`]),
  ];
}
