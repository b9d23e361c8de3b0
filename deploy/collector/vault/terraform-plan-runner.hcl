# Vault's policy of plans: reads, and writes nothing. Name the paths that your stacks read.
path "secret/data/terraform/*" {
  capabilities = ["read"]
}

path "secret/metadata/terraform/*" {
  capabilities = ["read", "list"]
}

# Terraform's own Vault provider makes a child of the token, with no more than this policy.
path "auth/token/create" {
  capabilities = ["update"]
}

# The policy "default", which every token has, lets it look up, renew and revoke itself.
