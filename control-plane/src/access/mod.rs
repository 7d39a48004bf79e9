//! People and what they may do.
//!
//! A *platform* is a realm of users; an *org* owns everything else. A user is a *member* of an org. The super
//! administrator stands in the configuration file, not in the database, and may do everything in every org.
//!
//! # Permissions
//!
//! An *operation* (`host:read`) is one permission. Built-in ones are the list in [`operation`], each in a [`Module`];
//! a platform adds its own for applications that it fronts, and Muster only answers for those. What a member may do
//! comes from *sources* that add up: the built-in role (OWNER, ADMIN, MEMBER, VIEWER), a role that the org or platform
//! made, a *permission template*, direct grants. A template also *narrows* kinds of objects to lists; objects granted
//! directly are added to those lists; the result is one [`Scope`] for all of the member's operations. The owner has
//! everything and can't be narrowed.
//!
//! [`Permissions::decide`] is the one place that decides. Use-cases ask it through [`Caller::require`] (the operation),
//! [`Caller::require_on`] (the operation on an object) and [`Caller::require_all`] (on all objects of a kind: to make
//! new ones). The explainer and `GET /api/v1/me/permissions` read the same decision. Lists are filtered in their
//! query, by [`Scope::place`] and [`Scope::keys`]. What fails: a missing operation is 403, an object out of reach is
//! 404 as if it were not there.
//!
//! Each request reads the member's row anew, so that a revoked session, a disabled user, a changed role, template or
//! grant counts from the next request on. Streams ask again twice a second ([`until_refused`]) and end. Nobody gives,
//! takes or changes more than they have, in operations and in objects; what would is 403.
//!
//! | table | holds |
//! |---|---|
//! | `platforms` | realms; `default` is made at setup |
//! | `users` | people; argon2id hash |
//! | `orgs`, `members` | orgs and their people; one `OWNER` at most by a unique index, kept at one by the use-cases |
//! | `roles`, `permission_templates` | named sets of operations; operations with object scopes |
//! | `modules`, `operations` | what platforms add for their own applications |
//! | `sessions` | sign-ins: bearer (rotating refresh token; any that was exchanged ends it) or cookie |
//! | `mail_proofs` | links by mail that reset a password or verify an address; only hashes |
//! | `api_keys` | `dw_…`, only hashes; bound to one org and one person, never more than that person may |
//!
//! | `devices`, `known_regions` | where a user signed in before |
//! | `totp`, `recovery_codes` | second factors |
//! | `bindings`, `binding_types` | what else signs somebody in, and what kinds of that there are |
//! | `provider_states` | browsers that are at a provider |
//! | `third_parts` | an org's accounts at git hosts; their tokens are credentials of the secrets room |
//! | `challenges` | what a sign-in still has to answer |
//!
//! Who gets into an org, and how: [`joining`], [`invitation`], [`own_org`]. What people are told: [`message`].
//!
//! How people sign in: [`sign_in`], [`challenge`], [`code`], [`second_factor`], [`device`], [`provider`], [`binding`], [`proof`], [`password`], [`imported`], [`decoy`], [`strength`], [`throttle`], [`turns`].

mod administrator;
mod alerted;
mod api;
mod api_key;
mod approval;
mod asking;
mod authenticate;
mod binding;
mod breach;
mod caller;
mod challenge;
mod check;
mod code;
mod confirm;
mod decoy;
mod department;
mod device;
mod drifted;
mod error;
mod explain;
mod failure;
mod grant;
mod imported;
mod in_name_of;
mod invitation;
mod joining;
mod legacy;
mod mailed;
mod member;
mod member_permission;
mod message;
mod module;
mod object;
mod operation;
mod org;
mod own_operation;
mod own_org;
mod own_role;
mod password;
mod permission;
mod platform;
mod profile;
mod proof;
mod provider;
mod refusal;
mod region;
mod registration;
mod released;
mod role;
mod scope;
mod second_factor;
mod session;
mod sign_in;
mod standing;
mod store;
mod strength;
mod targets;
mod template;
#[cfg(test)]
pub(crate) mod tests;
mod third_part;
mod throttle;
mod token;
mod totp;
mod turns;
mod user;
mod user_list;
mod username;
mod watch;
mod words;

use crate::keys::{Purpose, Shelf, ShelfKind};

pub use self::{
    administrator::Authority,
    alerted::{AlertNews, alert_audience, tell_of_alert},
    api::router,
    api_key::key_works,
    approval::{OrgPeople, OrgPerson, TicketNews, TicketTurn, org_people, tell_of_ticket},
    asking::{AskingDeployment, AskingTurn, approvers, tell_of_asking},
    authenticate::{Credential, Identified, enter_org, identify},
    caller::{Actor, Caller, Identity},
    confirm::confirm_super_admin,
    decoy::Decoys,
    drifted::{DriftNews, DriftTurn, drift_audience, tell_of_drift},
    error::AccessError,
    failure::{FailedDeployment, failure_audience, tell_of_failure},
    in_name_of::git_hook_caller,
    module::Module,
    object::{Object, ObjectKind},
    operation::{Operation, Operations},
    org::{Org, ensure_defaults, list_all_ids as list_org_ids, list_slugs as org_slugs},
    password::hash_first as hash_password,
    permission::{Asked, Decision, Permissions},
    refusal::{Refusals, Wanted},
    region::Regions,
    released::{ReleaseNews, ReleaseTurn, release_audience, tell_of_release},
    role::Role,
    scope::{ObjectSet, Scope},
    standing::{Standing, stand},
    targets::{TargetNews, target_audience, tell_of_targets},
    third_part::git_token,
    throttle::Throttle,
    user::User,
    watch::{ask_again, until_refused},
};

/// Where this room keeps sealed values.
pub const SHELVES: &[Shelf] = &[Shelf {
    table: "totp",
    column: "secret",
    purpose: Purpose::SecondFactors,
    org: None,
    kind: ShelfKind::Always(second_factor::SEALED),
    id: "user_id",
    version: None,
}];

/// What this room does by schedule.
pub fn jobs() -> Vec<crate::schedule::Job> {
    let daily = |name, run| crate::schedule::Job {
        name,
        every_ms: muster_base::UnixMs::DAY,
        run,
    };
    vec![
        daily("access.forget-sessions", session::forget_ended),
        daily("access.forget-proofs", proof::forget),
        daily("access.forget-challenges", challenge::forget),
        daily("access.forget-devices", device::forget),
        daily("access.forget-provider-states", provider::forget),
    ]
}
