# The policy and the role as Terraform. vault.sh makes the same with Vault's own commands.
resource "vault_policy" "terraform_plan_runner" {
  name   = "terraform-plan-runner"
  policy = file("${path.module}/terraform-plan-runner.hcl")
}

resource "vault_kubernetes_auth_backend_role" "terraform_plan_runner" {
  backend                          = "kubernetes"
  role_name                        = "terraform-plan-runner"
  bound_service_account_names      = ["holdfast-sweep"]
  bound_service_account_namespaces = ["holdfast"]
  audience                         = "vault"
  token_policies                   = [vault_policy.terraform_plan_runner.name]
  # As long as the job may take; a token of a sweep is given back at its end.
  token_ttl     = 3600
  token_max_ttl = 3600
}
