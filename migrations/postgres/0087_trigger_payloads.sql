-- What called for a deployment, without secrets.

-- JSON: the call's body, and whether something of it was left out; null: nobody's call was it
alter table deployments add column trigger_payload text;
