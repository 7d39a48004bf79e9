-- What lists look through: an org's rows in the order in which they are shown, so that a page costs a page.

create index api_keys_in_order on api_keys (org_id, id);
create index env_vars_in_order on env_vars (org_id, id);
create index env_vars_of_application on env_vars (application_id, id);
create index documents_in_order on documents (org_id, id) where deleted_at is null;
create index documents_of_kind on documents (org_id, kind, id) where deleted_at is null;
create index db_servers_in_order on db_servers (org_id, id) where deleted_at is null;
-- Folders first, then by name.
create index files_in_order on files (org_id, place, (1 - type), name, id);
-- What succeeded last in an environment.
create index deployments_succeeded on deployments (application_id, environment, (coalesce(completed_at, created_at)), id)
    where status = 'success';
-- What was refused, and who did a certain thing, among much that is neither.
create index audit_log_operation on audit_log (scope, operation, seq);
create index audit_log_outcome on audit_log (scope, outcome, seq);
