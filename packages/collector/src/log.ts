import { type DestinationStream, type Logger, pino } from 'pino';

/** JSON lines. Nothing logs headers; should something begin to, tokens stay out all the same. */
export function createLog(level: string, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['authorization', '*.authorization', '*.*.authorization', 'token', '*.token'],
        censor: '(not shown)',
      },
    },
    destination,
  );
}
