/** Names are chosen by whoever writes the repository: none may break a line, or steer a terminal. */

/** The name with its control and line-breaking characters as `%XX`, like those of paths. */
export function shownName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029%]/gu, (character) => encodeURIComponent(character));
}
