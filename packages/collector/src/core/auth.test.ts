import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenRole } from '#store/store';
import { bearerToken, formatToken, mayCall, type RouteRole, tokenHash } from './auth.ts';

const roles: readonly TokenRole[] = ['agent', 'sweeper', 'viewer', 'operator'];

/** Which tokens each kind of route takes; every other one is refused. */
const allowed: Record<TokenRole, readonly TokenRole[]> = {
  agent: ['agent'],
  sweeper: ['sweeper'],
  viewer: ['viewer', 'operator'],
  operator: ['operator'],
};

describe('who may call what', () => {
  for (const wanted of roles) {
    for (const role of roles) {
      const verdict = allowed[wanted].includes(role) ? 'yes' : 'forbidden';
      it(`answers ${verdict} to a token of role ${role} at a route for ${wanted}`, () => {
        assert.equal(mayCall({ name: 'x', role, node: null }, wanted, 'a'), verdict);
      });
    }
  }

  it('asks for a token everywhere but at open routes', () => {
    assert.equal(mayCall(null, 'open', null), 'yes');
    for (const role of roles as RouteRole[]) assert.equal(mayCall(null, role, 'a'), 'unauthenticated');
  });

  it('lets an agent token that is bound to a node speak for that node only', () => {
    const identity = { name: 'x', role: 'agent', node: 'worker-1' } as const;
    assert.equal(mayCall(identity, 'agent', 'worker-1'), 'yes');
    assert.equal(mayCall(identity, 'agent', 'worker-2'), 'forbidden');
    assert.equal(mayCall(identity, 'agent', null), 'forbidden');
  });
});

describe('bearer tokens', () => {
  it('are read from the header, whatever the case of the scheme', () => {
    assert.equal(bearerToken('Bearer abc'), 'abc');
    assert.equal(bearerToken('bearer  abc= '), 'abc=');
  });

  it('are not read from anything else', () => {
    for (const header of [undefined, '', 'abc', 'Basic abc', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer ä'])
      assert.equal(bearerToken(header), null, String(header));
  });

  it('carry their role and 43 random characters, and are kept as a hash', () => {
    const token = formatToken('viewer', Buffer.alloc(32, 0xff));
    assert.match(token, /^hf_viewer_[A-Za-z0-9_-]{43}$/);
    assert.equal(bearerToken(`Bearer ${token}`), token);
    assert.match(tokenHash(token), /^[0-9a-f]{64}$/);
    assert.throws(() => formatToken('viewer', Buffer.alloc(8)));
  });
});
