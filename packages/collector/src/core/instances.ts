/**
 * Which agent instance speaks for a node.
 *
 * A new instance takes over: that is a restart. One that comes back after another took over may be a late packet of a
 * dead process, so it takes over too, and its return is counted. The second return within the window means that two
 * agents report as one node: the instance that is there now, the later of the two, is refused until an operator
 * readmits the node.
 */
import type { Millis, NodeState, RetiredInstance } from '#core/node-state';

export const maxRetiredInstances = 16;
/** Returns further apart than this are not one conflict. */
export const returnWindowMs = 60 * 60 * 1000;
const returnsThatMakeAConflict = 2;

export type Speaker = Pick<NodeState, 'instance' | 'retired' | 'refusedInstance'>;

export interface TakeOver extends Speaker {
  /** Whether this take-over showed that two agents report as one node. */
  readonly isConflict: boolean;
}

/** `instance` reports and is not the present one. */
export function takeOver(present: Speaker, instance: string, now: Millis): TakeOver {
  const known = present.retired.find((retired) => retired.instance === instance);
  const leaving: RetiredInstance = present.retired.find(
    (retired) => retired.instance === present.instance,
  ) ?? { instance: present.instance, returns: 0, returnedAt: null };
  const others = present.retired.filter((retired) => retired !== known && retired !== leaving);
  const returned = known ? [countReturn(known, now)] : [];
  const isConflict = returned.some(({ returns }) => returns >= returnsThatMakeAConflict);
  return {
    instance,
    retired: [leaving, ...returned, ...others].slice(0, maxRetiredInstances),
    refusedInstance: isConflict ? present.instance : present.refusedInstance,
    isConflict,
  };
}

function countReturn(retired: RetiredInstance, now: Millis): RetiredInstance {
  const isRecent = retired.returnedAt !== null && now - retired.returnedAt <= returnWindowMs;
  return { instance: retired.instance, returns: isRecent ? retired.returns + 1 : 1, returnedAt: now };
}
