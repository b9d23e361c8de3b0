/** The test provider in a process of its own: prints its environment as JSON, and ends with its standard input. */
import { once } from 'node:events';
import { startFakeProvider } from './provider.ts';

await using provider = await startFakeProvider();
console.log(JSON.stringify(provider.environment));
process.stdin.resume();
await once(process.stdin, 'end');
