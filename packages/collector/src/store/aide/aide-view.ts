/** What a decision reads of AIDE, from the connection on which it will write. */
import type { AideView } from '#core/aide-state';
import type { Tables } from '#store/tables';

/** `node` null: a node that is new. */
export function aideView({ aide, aideDatabases, aideLists, history }: Tables, node: number | null): AideView {
  const text: AideView['text'] = (digest) => aideDatabases.text(digest);
  if (node === null) {
    return {
      text,
      findings: () => new Map(),
      allFindings: () => [],
      pending: () => [],
      disagreements: () => [],
      baselineOf: () => null,
      movedSince: () => new Set(),
    };
  }
  return {
    text,
    findings: (index) => aideLists.findingsIn(node, index),
    allFindings: () => aideLists.findings(node),
    pending: () => aideLists.pending(node),
    disagreements: () => aideLists.disagreements(node),
    baselineOf: (sequence) => aide.baselineOf(node, sequence),
    movedSince: (at) => history.pathsSince(node, at),
  };
}
