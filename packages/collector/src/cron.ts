import { createTask } from 'node-cron';
import { cronStarter } from '@holdfast/shared/cron';

export const startCron = cronStarter({
  createTask,
  now: () => Date.now(),
  wait(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
});
