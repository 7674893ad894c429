using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary>Finds out who sends a request: from its client certificate, bearer token, or the in-process transport's feature.</summary>
public interface IAuthenticator
{
    /// <summary>The user; <see cref="UserInfo.Anonymous"/> without credentials; null when credentials were given and are not good (401).</summary>
    ValueTask<UserInfo?> AuthenticateAsync(HttpContext context);
}
