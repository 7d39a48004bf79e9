//! The ways that a rollout goes, each a run in which somebody dies or nobody.

use super::steer::{Seen, await_deployment, deploy, ended, path, seen, steer};
use super::{BROKEN, HOSTS, Rollouts};
use crate::ground::Ground;
use anyhow::{Result, ensure};
use muster_auditor::points::Point;
use muster_auditor::rollouts::End;
use muster_base::HostId;
use serde_json::json;

impl Rollouts {
    pub(super) fn goes_through(&mut self, point: Option<&Point>) -> Result<()> {
        let (version, taken) = (self.next_version(), self.hosts.orders()?.len());
        let (application, asker, made) = (&self.application, &self.asker, self.made);
        let asked = |ground: &mut Ground| {
            let id = deploy(ground, asker, (application, &version), made)?;
            steer(ground, &id, "the approval", Seen::is_approved, |ground| {
                let path = path(&id, "approve");
                ground
                    .fleet
                    .admin
                    .post(&path, &json!({"comment": "go"}))
                    .map(drop)
            })?;
            steer(ground, &id, "the pause", Seen::pauses, |_| Ok(()))?;
            steer(
                ground,
                &id,
                "going on",
                |seen| !seen.pauses(),
                |_| asker.post(&path(&id, "resume"), &json!({})).map(drop),
            )?;
            Ok(id)
        };
        let id = self
            .ground
            .maybe_round(point, asked, |ground, id| ended(ground, id))?;
        self.runs = vec![version; HOSTS];
        self.audit((&id, "success"), &[End::New; HOSTS], taken)?;
        self.was_done_once("deployment:approve", &id)
    }

    /// Every host gets a version, that there be one to go back to; whoever asks goes on after a pause.
    pub(super) fn plainly(&mut self) -> Result<()> {
        let version = self.next_version();
        let (application, asker, made) = (&self.application, &self.asker, self.made);
        let ground = &mut self.ground;
        let id = deploy(ground, asker, (application, &version), made)?;
        steer(ground, &id, "the first version", Seen::has_ended, |_| {
            asker.call("POST", &path(&id, "resume"), None).map(drop)
        })?;
        let status = seen(ground, &id)?.status;
        ensure!(status == "success", "the first version is a {status}");
        self.runs = vec![version; HOSTS];
        Ok(())
    }

    pub(super) fn stops(&mut self, point: Option<&Point>) -> Result<()> {
        let (version, taken) = (self.next_version(), self.hosts.orders()?.len());
        let (application, asker, made) = (&self.application, &self.asker, self.made);
        let asked = |ground: &mut Ground| deploy(ground, asker, (application, &version), made);
        let id = self
            .ground
            .maybe_round(point, asked, |ground, id| ended(ground, id))?;
        let ends = [End::SentBack, End::PutBack, End::LeftOut];
        self.audit((&id, "rolledBack"), &ends, taken)
    }

    pub(super) fn is_called_off(&mut self, point: Option<&Point>) -> Result<()> {
        let (version, taken) = (self.next_version(), self.hosts.orders()?.len());
        let (application, asker, made) = (&self.application, &self.asker, self.made);
        let asked = |ground: &mut Ground| {
            let id = deploy(ground, asker, (application, &version), made)?;
            steer(ground, &id, "the pause", Seen::pauses, |_| Ok(()))?;
            steer(
                ground,
                &id,
                "calling off",
                |seen| seen.called_off,
                |_| {
                    let how = json!({"rollBack": true});
                    asker.post(&path(&id, "cancel"), &how).map(drop)
                },
            )?;
            Ok(id)
        };
        let id = self
            .ground
            .maybe_round(point, asked, |ground, id| ended(ground, id))?;
        let ends = [End::SentBack, End::CalledOff, End::CalledOff];
        self.audit((&id, "rolledBack"), &ends, taken)?;
        self.was_done_once("deployment:cancel", &id)
    }

    pub(super) fn is_called_off_at_work(&mut self, point: Option<&Point>) -> Result<()> {
        let (version, taken) = (self.next_version(), self.hosts.orders()?.len());
        let (application, asker, made) = (&self.application, &self.asker, self.made);
        let hosts = &self.hosts;
        let asked = |ground: &mut Ground| {
            let id = deploy(ground, asker, (application, &version), made)?;
            ground.insist(
                "all hosts that are there to be done",
                |_| Ok((hosts.orders()?.len() == taken + HOSTS).then_some(())),
                |_| Ok(()),
            )?;
            steer(
                ground,
                &id,
                "calling off",
                |seen| seen.called_off,
                |_| asker.post(&path(&id, "cancel"), &json!({})).map(drop),
            )?;
            Ok(id)
        };
        let id = self
            .ground
            .maybe_round(point, asked, |ground, id| ended(ground, id))?;
        self.runs = vec![version; HOSTS];
        let ids: Vec<HostId> = self.ids.iter().copied().chain(self.away).collect();
        let ends = [End::New, End::New, End::New, End::Stopped];
        let orders = self.audit_record((&id, "cancelled"), &ids, &ends)?;
        self.audit_hosts(&orders, taken)?;
        self.was_done_once("deployment:cancel", &id)
    }

    pub(super) fn goes_on(&mut self, point: Option<&Point>) -> Result<()> {
        let (version, taken) = (self.next_version(), self.hosts.orders()?.len());
        let first = self.made;
        self.made += 1;
        self.hosts.break_deploys([self.ids[BROKEN]]);
        let (application, asker, hosts) = (&self.application, &self.asker, &self.hosts);
        let asked = |ground: &mut Ground| {
            let stopped = deploy(ground, asker, (application, &version), first)?;
            steer(ground, &stopped, "its stop", Seen::has_ended, |_| Ok(()))?;
            hosts.mend_deploys();
            let next = await_deployment(ground, first + 1, |_| {
                asker.post(&path(&stopped, "resume"), &json!({})).map(drop)
            })?;
            Ok((stopped, next))
        };
        let done = |ground: &mut Ground, (_, next): &(String, String)| ended(ground, next);
        let (stopped, next) = self.ground.maybe_round(point, asked, done)?;
        self.runs = vec![version; HOSTS];
        let ends = [End::New, End::PutBack, End::LeftOut];
        let mut orders = self.audit_record((&stopped, "failure"), &self.ids, &ends)?;
        orders.extend(self.audit_record((&next, "success"), &self.ids[BROKEN..], &[End::New; 2])?);
        self.audit_hosts(&orders, taken)
    }
}
