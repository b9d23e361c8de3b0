import { type ChangeWindow, isOpen } from '#core/change-window';
import type { Millis } from '#core/node-state';
import { timestamp } from './route.ts';

export function windowAnswer(window: ChangeWindow, now: Millis) {
  const { id, openedAt, until, closedAt, ...rest } = window;
  return {
    window: id,
    open: isOpen(window, now),
    ...rest,
    openedAt: timestamp(openedAt),
    until: timestamp(until),
    closedAt: timestamp(closedAt),
  };
}
