import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notification, serviceManager } from './service-manager.ts';

test('without a socket there is nobody to tell', () => {
  assert.equal(serviceManager({}, 7), null);
  assert.equal(serviceManager({ NOTIFY_SOCKET: '' }, 7), null);
});

test('three signs of life fit into the time of the watchdog', () => {
  const environment = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' };
  assert.equal(serviceManager(environment, 7)?.checkMs, 20_000);
});

test('a watchdog for another process, or none, leaves the usual pace', () => {
  const socket = { NOTIFY_SOCKET: '/run/n' };
  assert.equal(serviceManager(socket, 7)?.checkMs, 30_000);
  assert.equal(
    serviceManager({ ...socket, WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, 7)?.checkMs,
    30_000,
  );
  assert.equal(serviceManager({ ...socket, WATCHDOG_USEC: 'soon' }, 7)?.checkMs, 30_000);
});

test('the notifying process gets the socket and the path, and no secret', () => {
  const environment = { NOTIFY_SOCKET: '/run/n', PATH: '/bin', HOLDFAST_TOKEN: 'hf_agent_x' };
  assert.deepEqual(serviceManager(environment, 7)?.environment, { NOTIFY_SOCKET: '/run/n', PATH: '/bin' });
});

test('what is not alive gives no sign of life', () => {
  assert.deepEqual(notification({ isAlive: true, status: 'watching' }), [
    'READY=1',
    'WATCHDOG=1',
    'STATUS=watching',
  ]);
  assert.deepEqual(notification({ isAlive: false, status: 'hangs' }), ['STATUS=hangs']);
});
