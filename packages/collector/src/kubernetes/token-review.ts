/** Verifies tokens by asking the API server, which knows whether pod and service account still exist. */
import { type NodeTokenPolicy, subjectOfReview, type SubjectVerdict } from '#core/node-token';
import { type ApiServer, KubernetesUnavailableError } from './api-server.ts';

const path = '/apis/authentication.k8s.io/v1/tokenreviews';

/** Throws {@link KubernetesUnavailableError}. */
export async function reviewToken(
  api: ApiServer,
  token: string,
  policy: NodeTokenPolicy,
): Promise<SubjectVerdict> {
  const { status, body } = await api.ask('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [policy.audience] },
  });
  if (status === 401 || status === 403) {
    throw new KubernetesUnavailableError(
      `the API server answered ${status}: the collector's own service account must be allowed to create tokenreviews (ClusterRole system:auth-delegator)`,
    );
  }
  const verdict = status === 200 || status === 201 ? subjectOfReview(body, policy) : null;
  if (verdict === null)
    throw new KubernetesUnavailableError(`the API server answered ${status}, and no TokenReview`);
  return verdict;
}
