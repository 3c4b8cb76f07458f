-- Links that prove whose an address is: for a first proof or another address (email_proofs.sql), and for another
-- password (passwords.sql). Flask calls these functions; the worker writes the emails (account_emails.sql).
--
-- The worker makes the token of a link while it writes the email, and leaves only its hash here (SHA-256 in hex):
-- neither the outbox nor a dump holds a link that works. Asking for one only enqueues an email, whoever's the address
-- is; the worker finds out, so that an answer tells nothing, and neither does its time.
--
-- Lock order: the turns of everybody whose bookings are moved (guests.sql), the user, the token, the sessions.

create type private.account_token_purpose as enum (
  'verify_email',    -- the account's address is its owner's
  'change_email',    -- the account takes another address
  'reset_password'   -- a forgotten password is replaced
);

create table private.account_tokens (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users on delete cascade,
  purpose private.account_token_purpose not null,
  email text not null,
  token_hash text not null,
  created_at timestamptz not null default private.now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint token_hash_is_unique unique (token_hash),
  constraint token_is_hashed check (token_hash ~ '^[0-9a-f]{64}$')
);
create unique index one_unused_token_for_each_purpose on private.account_tokens (user_id, purpose)
  where used_at is null;
create index account_tokens_by_expiry on private.account_tokens (expires_at);
alter table private.account_tokens enable row level security;

comment on column private.account_tokens.email is 'The address that the link was sent to, and that it proves.';

-- Notes the token of a link that the worker is about to send by that row of the outbox, in place of an earlier one that
-- nobody has used; asked again, the newest counts. Answers {valid_minutes}, null where the row names no account, or is
-- not to be sent any more.
create function public.issue_account_token(outbox_id bigint, purpose text, token_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
#variable_conflict use_column
declare
  v_purpose private.account_token_purpose := issue_account_token.purpose;
  v_settings private.settings;
  v_row private.outbox;
  v_user public.users;
  v_now timestamptz;
  v_valid interval;
begin
  select * into strict v_settings from private.settings c where c.singleton;
  select * into strict v_row from private.outbox o where o.id = issue_account_token.outbox_id;
  select u.* into v_user from public.users u
  where u.id = (private.account_of_email(v_row)).id
  for no key update;
  -- It may have been discarded while we waited: a change of the password takes back what was asked for before it.
  select * into strict v_row from private.outbox o where o.id = issue_account_token.outbox_id;
  v_now := private.now();
  if v_user.id is not null and v_row.state = 'queued' then
    v_valid := case v_purpose when 'reset_password' then v_settings.password_reset_duration
                              else v_settings.verification_duration end;
    insert into private.account_tokens as t (user_id, purpose, email, token_hash, created_at, expires_at)
    values (v_user.id, v_purpose, coalesce(v_row.payload ->> 'email', v_user.email), issue_account_token.token_hash,
            v_now, v_now + v_valid)
    on conflict (user_id, purpose) where used_at is null do update
      set email = excluded.email, token_hash = excluded.token_hash, created_at = excluded.created_at,
          expires_at = excluded.expires_at;
  end if;
  return jsonb_build_object('valid_minutes', floor(extract(epoch from v_valid) / 60)::integer);
end
$$;

-- Uses a token up, and keeps all else about its account waiting until this transaction ends. Raises link_expired for
-- one that was used, has expired or is for something else.
create function private.take_account_token(p_token_hash text, p_purposes private.account_token_purpose[])
returns private.account_tokens
language plpgsql volatile set search_path = '' as $$
declare
  v_token private.account_tokens;
  v_now timestamptz;
begin
  perform from public.users u
  where u.id = (select t.user_id from private.account_tokens t where t.token_hash = p_token_hash)
  for no key update;
  v_now := private.now();
  update private.account_tokens t set used_at = v_now
  where t.token_hash = p_token_hash and t.purpose = any (p_purposes) and t.used_at is null and t.expires_at > v_now
  returning t.* into v_token;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_token;
end
$$;

-- The token of a link that is good for one of those. Raises link_expired.
create function private.good_token(p_token_hash text, p_purposes private.account_token_purpose[])
returns private.account_tokens
language plpgsql stable set search_path = '' as $$
declare
  v_token private.account_tokens;
  v_now timestamptz := private.now();
begin
  select t.* into v_token from private.account_tokens t
  where t.token_hash = p_token_hash and t.purpose = any (p_purposes) and t.used_at is null and t.expires_at > v_now;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_token;
end
$$;

-- Deletes links that expired before that time.
create function private.delete_old_account_tokens(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_deleted integer;
begin
  delete from private.account_tokens t where t.id = any (array(
    select old.id from private.account_tokens old where old.expires_at < p_until
    order by old.expires_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

grant execute on function public.issue_account_token(bigint, text, text) to service_role;
