#!/bin/sh
# Writes the policy and the role for sweeps, with a token that may. Can be run again. The auth method has to be there:
#   vault auth enable kubernetes && vault write auth/kubernetes/config kubernetes_host=https://kubernetes.default.svc
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
vault policy write terraform-plan-runner "$here/terraform-plan-runner.hcl"
vault write auth/kubernetes/role/terraform-plan-runner \
  bound_service_account_names=holdfast-sweep \
  bound_service_account_namespaces=holdfast \
  audience=vault \
  token_policies=terraform-plan-runner \
  token_ttl=3600 \
  token_max_ttl=3600
