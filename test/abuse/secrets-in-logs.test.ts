/** No token gets into the log, however it is sent, and whatever becomes of the request. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatToken } from '@holdfast/collector/core/auth';
import { CollectorApp } from '../harness/collector-app.ts';
import { KubernetesDouble } from '../harness/kubernetes.ts';
import { agentToken, operatorToken } from '../harness/process.ts';
import { needTool } from '../need.ts';

const skip = needTool('openssl', 'apt-get install -y openssl');

describe('the log', { skip }, () => {
  it('shows no token that was sent, good or bad, in a header, a path, a query, a body or a cookie', async () => {
    await using kubernetes = await KubernetesDouble.start();
    await using app = await CollectorApp.open({ ...kubernetes.environment });
    app.now = Date.now();
    const tokens = [operatorToken, agentToken, formatToken('viewer', Buffer.alloc(32, 3))];
    for (const trouble of ['none', 'garbage', 'failing'] as const) {
      kubernetes.trouble = trouble;
      app.now += 61_000;
      tokens.push(await kubernetes.token(), await kubernetes.token({ expiresIn: -60 }));
      for (const token of [...tokens.slice(0, 3), ...tokens.slice(-2)]) {
        await app.call('GET', '/api/v1/nodes', { token });
        await app.call('POST', '/api/v1/nodes/n1/reports', { token, body: { token } });
        await app.call('GET', `/api/v1/nodes/${token}`, { token });
        await app.call('GET', `/api/v1/nodes?access_token=${token}`, { token: null });
        await app.call('GET', `/nowhere/${token}`, { token: null });
        await app.call('POST', '/api/v1/nodes/n1/baseline', {
          body: `{"token":"${token}"`,
          headers: { cookie: `token=${token}`, 'x-token': token },
        });
      }
    }
    const log = app.logged.join('');
    assert.ok(app.logged.length > 60);
    assert.match(log, /tokens of Kubernetes cannot be verified/);
    assert.ok(!log.includes('the-collectors-own-token'));
    for (const token of tokens) {
      assert.ok(!log.includes(token), token);
      // The part that is secret, wherever it was cut.
      assert.ok(!log.includes(token.slice(-20)), token);
    }
  });
});
