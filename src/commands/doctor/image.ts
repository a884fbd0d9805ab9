/** The hop of the image: which version runs, which one was rejected, whether updates work. */
import { type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { imageAdvice, type ImageState, imageTroubles, versionText } from "../../image/state.ts";

/** The image works: what is wrong is a version that it left, or an update that failed. */
export function checkImage(state: ImageState): Finding {
  const { waiting, update } = state;
  const runs = `Version ${versionText(state)} is running.`;
  const details = [
    ...(waiting === undefined ? [] : [`Version ${waiting} runs after the next restart.`]),
    ...(update?.good ? [`Last update, ${update.when.slice(0, 16).replace("T", " ")} UTC: ${update.message}`] : []),
  ];
  const [first, ...others] = imageTroubles(state);
  if (first === undefined) return { ...good(runs), details };
  return {
    ...warning(`${runs} ${first}`, imageAdvice(state) ?? "Check the medium of the box."),
    details: [...others, ...details],
  };
}
