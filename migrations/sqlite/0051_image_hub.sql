-- The catalogue of images, and the words that an org adds to its dictionaries.

create table hub_images (
    id          blob not null primary key,
    org_id      blob not null references orgs (id) on delete cascade,
    name        text not null,
    image       text not null,
    registry_id blob references registries (id),
    url         text,
    source      text not null,
    kind        text not null,
    description text not null,
    how_to_use  text not null,
    versions    text not null, -- JSON: those that somebody wrote down
    status      text not null,
    created_by  text not null,
    created_at  integer not null,
    updated_at  integer not null,
    unique (org_id, name)
) strict;

create table image_words (
    org_id blob not null references orgs (id) on delete cascade,
    kind   text not null,
    code   text not null,
    name   text not null,
    primary key (org_id, kind, code)
) strict;
