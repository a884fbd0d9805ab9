/** What the commands for the image say on other machines. */

/** The sentence. @param what what does not work there. */
export function notTheImage(what: string): string {
  return `This machine does not run the image of telesetd (os-release has no IMAGE_ID=telesetd): ${what}.\n`;
}
