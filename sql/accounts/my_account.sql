-- What people read and change of their own account. Answers are theirs alone, so no cache keeps them.

-- {id, email, full_name, role, created_at, language} of a user. Raises unknown_user: a token may outlive its account.
create function private.account_json(p_user_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_user public.users;
begin
  select u.* into v_user from public.users u where u.id = p_user_id and u.forgotten_at is null;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  return private.user_json(v_user) || jsonb_build_object('created_at', v_user.created_at, 'language', v_user.language);
end
$$;

-- The caller's account (private.account_json). Raises sign_in_required, unknown_user.
create function public.my_account() returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
begin
  perform private.set_cache_control('private, no-store');
  return private.account_json(private.require_user_id());
end
$$;

-- Renames the caller; the same name again changes nothing. Answers the account (private.account_json). Raises
-- sign_in_required, unknown_user, invalid_name; and invalid_email for an account from before addresses had one form,
-- whose row refuses every change until its address is corrected (docs/upgrades.md).
create function public.rename_me(full_name text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user uuid := private.require_user_id();
begin
  perform private.set_cache_control('private, no-store');
  if rename_me.full_name is null then
    perform private.raise_api_error('invalid_name');
  end if;
  begin
    update public.users u set full_name = rename_me.full_name where u.id = v_user;
  exception when check_violation then  -- of the address, since a name is checked by its trigger before
    perform private.raise_api_error('invalid_email');
  end;
  return private.account_json(v_user);
end
$$;

-- Has emails to the caller written in another language, for which there need not be texts yet; the same again changes
-- nothing. Answers the account (private.account_json). Raises sign_in_required, unknown_user, invalid_request.
create function public.set_language(language text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user uuid := private.require_user_id();
begin
  perform private.set_cache_control('private, no-store');
  if not private.is_language(set_language.language) then
    perform private.refuse_argument('language');
  end if;
  update public.users u set language = set_language.language where u.id = v_user;
  return private.account_json(v_user);
end
$$;

grant execute on function public.my_account(), public.rename_me(text), public.set_language(text) to anon, authenticated;
