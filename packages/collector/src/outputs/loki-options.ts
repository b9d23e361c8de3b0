/** The options of the way out to Loki. */
import { httpUrl, matching, path } from '@holdfast/shared/option-parsers';
import { type CrossCheck, option, type OptionValues } from '@holdfast/shared/options';

export const lokiOptions = {
  lokiUrl: option({
    doc: 'A Loki that gets every event of every node; the address below which /loki/api/v1/push lies.',
    placeholder: 'URL',
    parse: httpUrl(),
  }),
  lokiTenant: option({
    doc: 'Tenant of Loki (X-Scope-OrgID).',
    placeholder: 'TENANT',
    parse: matching(/[A-Za-z0-9!\-_.*'()|]{1,150}/, "letters, digits and !-_.*'()|, at most 150"),
  }),
  lokiTokenFile: option({
    doc: 'File that holds a bearer token for Loki. Read at each push.',
    placeholder: 'FILE',
    parse: path(),
  }),
} as const;

export interface LokiConfig {
  readonly url: URL;
  readonly tenant: string | null;
  readonly tokenFile: string | null;
}

type Values = OptionValues<typeof lokiOptions>;

export function lokiConfigOf({ lokiUrl, lokiTenant, lokiTokenFile }: Values): LokiConfig | null {
  return lokiUrl && { url: lokiUrl, tenant: lokiTenant, tokenFile: lokiTokenFile };
}

export const checkLoki: CrossCheck<typeof lokiOptions> = (values, nameOf) =>
  values.lokiUrl === null && (values.lokiTenant !== null || values.lokiTokenFile !== null)
    ? [`${nameOf('lokiUrl')}: is needed for ${nameOf('lokiTenant')} and ${nameOf('lokiTokenFile')}`]
    : [];
