-- Whose an address is: the first proof, and a change to another one. Lock order: account_tokens.sql.

-- What the check of the password needs of whoever proves an address without a session of the account: as
-- begin_password_check answers and counts. Raises link_expired.
create function public.begin_proof(token_hash text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_token private.account_tokens := private.good_token(
    begin_proof.token_hash, array['verify_email', 'change_email']::private.account_token_purpose[]);
begin
  return public.begin_password_check(v_token.user_id, begin_proof.address);
end
$$;

-- Proves an address by the token of its link, the account's own or the one that it is to have, and tells the address
-- that the account had before. Tickets that were bought with the address become the account's. Answers {email,
-- purpose}. Raises link_expired, password_required, email_taken, busy.
--
-- The link alone proves whose the address is, and not that its owner wants it to be this account's: anybody can have
-- one sent by registering with the address, and its owner may take the email for an answer to something of their own.
-- So it takes the account's session as well, or its password.
create function public.prove_email(token_hash text, session_id uuid default null, password_hash text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_others uuid[];
  v_token private.account_tokens;
  v_user public.users;
begin
  v_others := private.take_turns_by_token(prove_email.token_hash);
  v_token := private.take_account_token(
    prove_email.token_hash, array['verify_email', 'change_email']::private.account_token_purpose[]);
  select u.* into strict v_user from public.users u where u.id = v_token.user_id;
  if v_token.purpose = 'verify_email' and v_token.email <> v_user.email then
    perform private.raise_api_error('link_expired');
  elsif private.person_of(prove_email.session_id) is distinct from v_user.id
    and not exists (select from private.credentials c
                    where c.user_id = v_user.id and c.password_hash = prove_email.password_hash) then
    perform private.raise_api_error('password_required');
  end if;
  perform private.own_email(v_user, v_token, v_others);
  if v_token.email <> v_user.email then
    -- The other links were sent to an address that proves nothing any more.
    delete from private.account_tokens t where t.user_id = v_user.id and t.used_at is null;
    perform private.enqueue_account_mail('mail_email_changed', v_user.id, v_user.email);
  end if;
  return jsonb_build_object('email', v_token.email, 'purpose', v_token.purpose);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

-- Waits for the turns of the account of a token, and of those whose bookings become its own by it; answers the latter.
-- Proofs of one address take turns as well: whose it is, the first decides.
create function private.take_turns_by_token(p_token_hash text) returns uuid[]
language plpgsql volatile set search_path = '' as $$
declare
  v_token private.account_tokens;
begin
  select t.* into v_token from private.account_tokens t where t.token_hash = p_token_hash;
  if not found then
    return '{}';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('proof:' || v_token.email, 0));
  return private.take_turns(v_token.user_id, private.bookers_with(v_token.email, v_token.user_id));
end
$$;

-- Makes an address an account's own, by a token that was sent there. Accounts that others opened with it lose it: they
-- cannot be signed in to any more, and tickets that were bought by them are the owner's. Raises email_taken where
-- somebody has proved it before.
create function private.own_email(p_user public.users, p_token private.account_tokens, p_others uuid[]) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_other uuid;
begin
  if exists (select from public.users u
             where u.email = p_token.email and u.email_verified_at is not null and u.id <> p_user.id) then
    perform private.raise_api_error('email_taken');
  end if;
  update public.users u
  set email = p_token.email,
      email_verified_at = case when u.email = p_token.email then coalesce(u.email_verified_at, p_token.used_at)
                               else p_token.used_at end
  where u.id = p_user.id
  returning u.* into p_user;
  for v_other in
    select u.id from public.users u
    where u.email = p_user.email and u.id <> p_user.id and u.kind = 'registered'
    order by u.id for no key update
  loop
    delete from private.credentials c where c.user_id = v_other;
    delete from private.account_tokens t where t.user_id = v_other and t.used_at is null;
    delete from private.second_factors f where f.user_id = v_other;
    -- Nor is there anybody whom the emails that wait could be written to: nothing may say any more who they were.
    update private.outbox o
    set state = 'discarded', completed_at = private.now(), payload = '{}', last_error = 'the address is another''s'
    where o.user_id = v_other and o.state = 'queued';
    perform private.end_sessions(v_other, 'email_proved');
    update public.users u set kind = 'guest', role = 'customer' where u.id = v_other;
  end loop;
  perform private.claim_bookings(p_user, p_others, null, p_token.used_at);
end
$$;

-- Sends a link to the address that somebody wants, who has just given the password that has that hash; the address
-- changes when it is opened. To one that has an account, an email that says so. Answers as request_password_reset does.
-- Raises invalid_credentials, invalid_email.
create function public.request_email_change(
  user_id uuid, password_hash text, email text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := private.normalize_email(request_email_change.email);
  v_user public.users := private.require_password(
    request_email_change.user_id, request_email_change.password_hash, request_email_change.address);
  v_seconds integer;
begin
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  end if;
  v_seconds := private.check_account_mail_limit(v_email, request_email_change.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  perform private.enqueue_account_mail('mail_change_email', v_user.id, v_email);
  return '{"status": "sent"}';
end
$$;

-- Sends the link that proves the caller's address once more, where it is not proved yet. Answers {sent_to,
-- email_verified}. Raises sign_in_required, unknown_user, account_required, too_many_attempts.
create function public.send_verification_again() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := private.require_user_id();
  v_user public.users;
  v_seconds integer;
begin
  select u.* into v_user from public.users u where u.id = v_user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  elsif v_user.kind = 'guest' then
    perform private.raise_api_error('account_required');
  elsif v_user.email_verified_at is null then
    v_seconds := private.check_account_mail_limit(v_user.email, 'user ' || v_user.id);
    if v_seconds > 0 then
      perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
    end if;
    perform private.enqueue_account_mail('mail_verify_email', v_user.id);
  end if;
  return jsonb_build_object('sent_to', v_user.email, 'email_verified', v_user.email_verified_at is not null);
end
$$;

grant execute on function public.send_verification_again() to anon, authenticated;
grant execute on function
  public.begin_proof(text, text), public.prove_email(text, uuid, text),
  public.request_email_change(uuid, text, text, text)
to service_role;
