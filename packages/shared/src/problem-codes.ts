/** Every `code` that a problem+json answer of the collector can carry, with its status and title. Stable names. */
export const problemCodes = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'invalid-report': { status: 422, title: 'The report contradicts itself' },
  'invalid-aide-database': { status: 422, title: 'This is not the AIDE database that its digest names' },
  unauthenticated: { status: 401, title: 'A valid bearer token is needed' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'node-unknown': { status: 404, title: 'No node of that name has reported' },
  'nothing-observed': { status: 409, title: 'The node has not reported a manifest yet' },
  'base-mismatch': { status: 409, title: 'The report does not start from what the collector holds' },
  'scope-unknown': { status: 409, title: 'The scope document is needed' },
  'sequence-passed': { status: 409, title: 'A newer report of this instance was applied already' },
  'instance-conflict': { status: 409, title: 'Another agent reports as this node' },
  'node-deleted': { status: 410, title: 'The node was deleted' },
  'node-moved-on': { status: 412, title: 'The node has moved on since it was looked at' },
  'body-too-large': { status: 413, title: 'The body is larger than allowed' },
  'unsupported-encoding': { status: 415, title: 'The content type or encoding is not understood' },
  'request-timeout': { status: 408, title: 'The request took too long to come in' },
  'headers-too-large': { status: 431, title: 'The head of the request is larger than allowed' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'The collector failed; the log says why' },
  'storage-unavailable': { status: 503, title: 'The collector cannot write to its disk' },
  'disk-nearly-full': { status: 503, title: 'The collector has too little room for anything new' },
  'identity-unavailable': { status: 503, title: 'Nobody can say at present who the caller is' },
  'shutting-down': { status: 503, title: 'The collector is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problemCodes;
