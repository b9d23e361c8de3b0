/** The few largest files of a scan: the next one begins with them, so that no core is left alone with one at its end. */

export const maxLargestFiles = 16;

export class LargestFiles {
  /** The smallest first. */
  readonly #files: { readonly path: string; readonly bytes: number }[] = [];

  add(path: string, bytes: number): void {
    if (this.#files.length === maxLargestFiles && bytes <= (this.#files[0]?.bytes ?? 0)) return;
    const at = this.#files.findIndex((file) => file.bytes > bytes);
    this.#files.splice(at === -1 ? this.#files.length : at, 0, { path, bytes });
    if (this.#files.length > maxLargestFiles) this.#files.shift();
  }

  /** The largest first. */
  get paths(): readonly string[] {
    return this.#files.map((file) => file.path).reverse();
  }
}
