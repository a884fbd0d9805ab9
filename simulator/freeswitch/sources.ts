/** Source locations where a live switch fires each event (FreeSWITCH 1.11, from recordings). */
import type { Source } from "./events.ts";

const at = (file: string, called: string, line: number): Source => ({ file, function: called, line });

export const sources: Readonly<Record<string, Source>> = {
  CHANNEL_CREATE: at("switch_core_state_machine.c", "switch_core_session_run", 626),
  CHANNEL_CALLSTATE: at("switch_channel.c", "switch_channel_perform_set_callstate", 302),
  CHANNEL_PROGRESS: at("switch_channel.c", "switch_channel_perform_mark_ring_ready_value", 3507),
  CHANNEL_PROGRESS_MEDIA: at("switch_channel.c", "switch_channel_perform_mark_pre_answered", 3562),
  CHANNEL_ANSWER: at("switch_channel.c", "switch_channel_perform_mark_answered", 3848),
  CHANNEL_HANGUP: at("switch_channel.c", "switch_channel_perform_hangup", 3447),
  CHANNEL_HANGUP_COMPLETE: at("switch_core_state_machine.c", "switch_core_session_reporting_state", 943),
  CHANNEL_DESTROY: at("switch_core_session.c", "switch_core_session_perform_destroy", 1588),
  CHANNEL_BRIDGE: at("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1689),
  CHANNEL_UNBRIDGE: at("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1879),
  CHANNEL_HOLD: at("switch_channel.c", "switch_channel_mark_hold", 876),
  CHANNEL_UNHOLD: at("switch_channel.c", "switch_channel_mark_hold", 876),
  CALL_UPDATE: at("mod_sofia.c", "sofia_receive_message", 2133),
  BACKGROUND_JOB: at("mod_event_socket.c", "api_exec", 1580),
  CHANNEL_DATA: at("mod_commands.c", "uuid_dump_function", 6495),
  HEARTBEAT: at("switch_core.c", "send_heartbeat", 97),
  SHUTDOWN: at("switch_core.c", "switch_core_destroy", 3193),
};
