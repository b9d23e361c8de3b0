import { hash } from 'node:crypto';

/** Milliseconds below `splaySeconds` that follow from the node's name: a fleet that starts as one does not read as one. */
export function startDelayMs(nodeName: string, splaySeconds: number): number {
  const fraction = Number.parseInt(hash('sha256', `start ${nodeName}`).slice(0, 8), 16) / 2 ** 32;
  return Math.floor(fraction * splaySeconds * 1000);
}
