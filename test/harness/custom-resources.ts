/**
 * What our manifests use of resources that Kubernetes itself does not define, from their custom resource definitions:
 * prometheus-operator's example/prometheus-operator-crd, and kyverno's config/crds. Part of each: a field that is not here
 * is looked up there and added.
 */
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

interface CustomResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** monitoring.coreos.com/v1 */
export interface ServiceMonitor extends CustomResource {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly namespaceSelector?: { readonly any?: boolean; readonly matchNames?: readonly string[] };
    readonly jobLabel?: string;
    readonly endpoints: readonly ScrapeEndpoint[];
  };
}

interface ScrapeEndpoint {
  readonly port?: string;
  readonly path?: string;
  readonly scheme?: 'http' | 'https';
  readonly interval?: string;
  readonly scrapeTimeout?: string;
  readonly honorLabels?: boolean;
  readonly authorization?: { readonly type?: string; readonly credentials?: KeyReference };
  readonly tlsConfig?: {
    readonly ca?: { readonly configMap?: KeyReference; readonly secret?: KeyReference };
    readonly serverName?: string;
    readonly insecureSkipVerify?: boolean;
  };
}

interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

/** monitoring.coreos.com/v1 */
export interface PrometheusRule extends CustomResource {
  readonly spec: { readonly groups: readonly RuleGroup[] };
}

interface RuleGroup {
  readonly name: string;
  readonly interval?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules: readonly {
    readonly record?: string;
    readonly alert?: string;
    readonly expr: string | number;
    readonly for?: string;
    readonly keep_firing_for?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

/** kyverno.io/v2 */
export interface PolicyException extends CustomResource {
  readonly spec: {
    readonly background?: boolean;
    readonly match: { readonly any?: readonly Matched[]; readonly all?: readonly Matched[] };
    readonly exceptions: readonly { readonly policyName: string; readonly ruleNames: readonly string[] }[];
  };
}

interface Matched {
  readonly resources: {
    readonly kinds?: readonly string[];
    readonly names?: readonly string[];
    readonly namespaces?: readonly string[];
    readonly operations?: readonly ('CREATE' | 'CONNECT' | 'UPDATE' | 'DELETE')[];
    readonly selector?: LabelSelector;
  };
}
