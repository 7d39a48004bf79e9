//! `deployments.trigger_payload`: read and written by itself, since lists have no use for it.

use muster_base::{DeploymentId, OrgId};

use super::{from_json, to_json};
use crate::{
    db::{Db, DbError, Tx},
    delivery::payload::TriggerPayload,
    with_pool, with_tx,
};

pub async fn set(tx: &mut Tx, org: OrgId, id: DeploymentId, payload: &TriggerPayload) -> Result<(), DbError> {
    const SQL: &str = "update deployments set trigger_payload = $3 where org_id = $1 and id = $2";
    let payload = to_json(payload, "deployments.trigger_payload")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(payload)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: DeploymentId) -> Result<Option<TriggerPayload>, DbError> {
    const SQL: &str = "select trigger_payload from deployments where org_id = $1 and id = $2";
    let found: Option<Option<String>> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    let text = found.flatten();
    text.map(|text| from_json(&text, "deployments.trigger_payload"))
        .transpose()
}
