/** How the sweep gets its Vault token. */

export interface VaultConfig {
  readonly address: URL;
  /** The role of Vault's Kubernetes auth method. */
  readonly role: string;
  /** Where that auth method is mounted. */
  readonly mount: string;
  /** The service-account token; read again at each login, because the kubelet rotates it. */
  readonly tokenFile: string;
  /** What the service-account token must be meant for; null: not looked at. */
  readonly audience: string | null;
  readonly namespace: string | null;
  /** PEM, in the place of the certificates that the system trusts. */
  readonly caFile: string | null;
}
