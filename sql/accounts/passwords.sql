-- Passwords that are forgotten or changed. Flask hashes them; lock order: account_tokens.sql.

-- Sends a link by which a forgotten password is replaced; to an address without an account, an email that says so.
-- Answers {status: 'sent'}, or {status: 'limited', retry_after} in seconds. Raises invalid_request.
create function public.request_password_reset(email text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := private.normalize_email(request_password_reset.email);
  v_seconds integer;
begin
  if not private.is_email(v_email) or request_password_reset.address is null then
    perform private.raise_api_error('invalid_request');
  end if;
  v_seconds := private.check_account_mail_limit(v_email, request_password_reset.address, 'reset_mail_to');
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  perform private.enqueue_account_mail('mail_reset_password', null, v_email);
  return '{"status": "sent"}';
end
$$;

-- What Flask needs to know before it hashes a password, which costs: {status: 'good'}, {status: 'expired'} for a link
-- that resets none, or {status: 'limited', retry_after} in seconds, by the address on the network. Raises
-- invalid_request.
create function public.begin_password_reset(token_hash text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_seconds integer;
  v_now timestamptz;
begin
  if begin_password_reset.address is null then
    perform private.raise_api_error('invalid_request');
  end if;
  select private.check_rate_limit(array[
    row('link_from:' || begin_password_reset.address, c.sign_in_attempts_per_address, c.sign_in_window)
  ]::private.rate_limit[])
  into strict v_seconds from private.settings c where c.singleton;
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  v_now := private.now();
  return jsonb_build_object('status', case when exists (
    select from private.account_tokens t
    where t.token_hash = begin_password_reset.token_hash and t.purpose = 'reset_password' and t.used_at is null
      and t.expires_at > v_now) then 'good' else 'expired' end);
end
$$;

-- Replaces a password by the token of a link, which proves the address as well: whoever else knew the password, or had
-- opened an account with an address that was not theirs, is signed out everywhere. An account whose address nobody had
-- proved may be a stranger's, whose access token lives on for a while, whose second factor would be asked for: the
-- owner gets a new one in its place. Answers {email}. Raises link_expired, email_taken, busy.
create function public.reset_password(token_hash text, password_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_others uuid[];
  v_token private.account_tokens;
  v_user public.users;
begin
  v_others := private.take_turns_by_token(reset_password.token_hash);
  v_token := private.take_account_token(
    reset_password.token_hash, array['reset_password']::private.account_token_purpose[]);
  select u.* into v_user from public.users u where u.id = v_token.user_id and u.email = v_token.email;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  if v_user.email_verified_at is null then
    v_others := v_others || v_user.id;
    insert into public.users as u (email, full_name, language, blocked_at)
    values (v_user.email, v_user.full_name, v_user.language, v_user.blocked_at)
    returning u.* into v_user;
  end if;
  perform private.own_email(v_user, v_token, v_others);
  select u.* into strict v_user from public.users u where u.id = v_user.id;
  perform private.set_password(v_user, reset_password.password_hash, null);
  -- Failed guesses, the owner's own among them, keep out nobody who has the mailbox.
  delete from private.rate_limit_hits h
  where h.key = private.sign_in_key(v_user.email)
    or h.key like 'sign\_in\_at:%' and split_part(h.key, ' ', 2) = v_user.email;
  return jsonb_build_object('email', v_user.email);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

-- Gives an account another password, ends its sessions but for that one, and the links that were sent or are about to
-- be, and tells the owner. The caller has locked the user.
create function private.set_password(p_user public.users, p_password_hash text, p_kept_session_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into private.credentials as c (user_id, password_hash) values (p_user.id, p_password_hash)
  on conflict (user_id) do update set password_hash = excluded.password_hash;
  delete from private.account_tokens t
  where t.user_id = p_user.id and t.used_at is null and t.purpose <> 'verify_email';
  update private.outbox o
  set state = 'discarded', completed_at = private.now(), payload = '{}', last_error = 'the password was changed'
  where o.user_id = p_user.id and o.kind = 'mail_change_email' and o.state = 'queued';
  perform private.end_sessions(p_user.id, 'password_changed', p_kept_session_id);
  perform private.notify_owner('mail_password_changed', p_user.id);
end
$$;

-- Locks the account of somebody who has just given the password that has that hash. Raises invalid_credentials where it
-- was changed since.
create function private.require_password(p_user_id uuid, p_password_hash text, p_address text) returns public.users
language plpgsql volatile set search_path = '' as $$
declare
  v_user public.users;
begin
  select u.* into v_user from public.users u where u.id = p_user_id for no key update;
  if not exists (
    select from private.credentials c where c.user_id = v_user.id and c.password_hash = p_password_hash) then
    perform private.raise_api_error('invalid_credentials');
  end if;
  perform private.clear_sign_in_limit(v_user, p_address, private.now());
  return v_user;
end
$$;

-- Changes the password of somebody who has just given the one that has that hash; their other sessions end. Raises
-- invalid_credentials.
create function public.change_password(
  user_id uuid, session_id uuid, password_hash text, new_password_hash text, address text) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user public.users := private.require_password(
    change_password.user_id, change_password.password_hash, change_password.address);
begin
  perform private.set_password(v_user, change_password.new_password_hash, change_password.session_id);
end
$$;

grant execute on function
  public.request_password_reset(text, text), public.begin_password_reset(text, text),
  public.reset_password(text, text), public.change_password(uuid, uuid, text, text, text)
to service_role;
