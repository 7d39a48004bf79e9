-- A tree of folders and files, and the pieces that the bytes of files are kept in.

create table files (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id),
    -- the folder that it is in; null at the top
    parent_id   uuid references files (id),
    -- that folder, or the owner at the top: names are unique in it
    place       uuid not null,
    -- its own id after those of the folders that it is in: /ID/ID/
    path        text collate "C" not null,
    -- 0 file | 1 folder
    type        bigint not null,
    name        text not null,
    -- the name in small letters
    search      text not null,
    size        bigint not null,
    mime        text not null,
    -- SHA-256, hexadecimal; a folder has none
    hash        text,
    uploaded_by uuid references users (id),
    -- 1 person | 2 org
    owner_type  bigint not null,
    owner_id    uuid not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    constraint files_org_id_place_name_key unique (org_id, place, name)
);
create index files_by_parent on files (parent_id);
create index files_by_path on files (org_id, path);
create index files_by_size on files (org_id, size);

create table file_uploads (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id),
    parent_id   uuid references files (id) on delete cascade,
    name        text not null,
    mime        text not null,
    size        bigint not null,
    -- SHA-256 that it must have, hexadecimal
    hash        text not null,
    uploaded_by uuid references users (id),
    owner_type  bigint not null,
    owner_id    uuid not null,
    -- who began it: nobody else goes on with it
    person      text not null,
    -- how many bytes are stored
    position    bigint not null,
    -- the hash as far as that
    hashed      bytea not null,
    created_at  bigint not null,
    expires_at  bigint not null
);
create index file_uploads_by_org on file_uploads (org_id, id);
create index file_uploads_by_parent on file_uploads (parent_id);
create index file_uploads_by_end on file_uploads (expires_at);

-- A piece is here before its bytes are stored, and as long as they may be. What belongs to nothing is swept away.
create table file_pieces (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id),
    file_id     uuid references files (id) on delete set null,
    upload_id   uuid references file_uploads (id) on delete set null,
    position    bigint not null,
    size        bigint not null,
    -- 0 may be being stored | 1 is stored
    stored      bigint not null,
    created_at  bigint not null
);
create index file_pieces_by_file on file_pieces (file_id, position);
create index file_pieces_by_upload on file_pieces (upload_id);
create index file_pieces_of_none on file_pieces (stored, created_at) where file_id is null;
