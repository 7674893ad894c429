using Kaji.Api;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// <c>kubectl --as</c>: a user who may impersonate acts as another.
/// https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
/// </summary>
internal static class Impersonation
{
    private const string ExtraPrefix = "Impersonate-Extra-";
    private const string ServiceAccountPrefix = "system:serviceaccount:";

    /// <returns>The user to go on as.</returns>
    /// <exception cref="ApiErrorException">403, or 400 for groups without a user.</exception>
    public static UserInfo Apply(HttpContext context, UserInfo user, IAuthorizer authorizer)
    {
        var headers = context.Request.Headers;
        var name = headers["Impersonate-User"].ToString();
        if (name.Length == 0)
        {
            return headers.ContainsKey("Impersonate-Group") || headers.ContainsKey("Impersonate-Uid") || headers.Any(h => h.Key.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
                ? throw new ApiErrorException(Api.Errors.ApiErrors.BadRequest("requested groups without impersonating a user"))
                : user;
        }

        if (name.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal) && name[ServiceAccountPrefix.Length..].Split(':') is [var ns, var account])
        {
            Demand(authorizer, user, "", "serviceaccounts", account, ns);
        }
        else
        {
            Demand(authorizer, user, "", "users", name, "");
        }

        var groups = new List<string>();
        foreach (var group in headers["Impersonate-Group"])
        {
            Demand(authorizer, user, "", "groups", group ?? "", "");
            groups.Add(group ?? "");
        }

        if (groups.Count == 0 && name.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal))
        {
            groups.AddRange(["system:serviceaccounts", $"system:serviceaccounts:{name[ServiceAccountPrefix.Length..].Split(':')[0]}"]);
        }

        if (name != UserInfo.Anonymous.Name && !groups.Contains("system:authenticated", StringComparer.Ordinal))
        {
            groups.Add("system:authenticated");
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (header, values) in headers)
        {
            if (header.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
            {
                var key = Uri.UnescapeDataString(header[ExtraPrefix.Length..]).ToLowerInvariant();
                foreach (var value in values)
                {
                    Demand(authorizer, user, "authentication.k8s.io", "userextras", value ?? "", "", key);
                }

                extra[key] = [.. values.Select(v => v ?? "")];
            }
        }

        var uid = headers["Impersonate-Uid"].ToString();
        if (uid.Length > 0)
        {
            Demand(authorizer, user, "authentication.k8s.io", "uids", uid, "");
        }

        var acting = new UserInfo(name, groups) { Uid = uid, Extra = extra };
        context.Items["user"] = acting;
        return acting;
    }

    private static void Demand(IAuthorizer authorizer, UserInfo user, string group, string resource, string name, string ns, string subresource = "")
    {
        var request = new RequestInfo { IsResourceRequest = true, Path = "", Verb = "impersonate", Group = group, Version = "v1", Resource = resource, Subresource = subresource, Name = name, Namespace = ns };
        if (!authorizer.Authorize(user, request).Allowed)
        {
            throw new ApiErrorException(ForbiddenMessage.Of(user, request));
        }
    }
}
