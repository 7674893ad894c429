using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// A resource or subresource that the generic registry does not serve: reviews that are answered and not stored, <c>pods/binding</c>, <c>pods/eviction</c>,
/// <c>serviceaccounts/token</c>, <c>pods/exec</c>. Called after authentication and authorization; refuses by throwing ApiErrorException.
/// </summary>
public interface IEndpoint
{
    /// <summary>API group, empty for core.</summary>
    string Group { get; }

    /// <summary>Plural of the resource.</summary>
    string Resource { get; }

    /// <summary>Empty for the resource itself.</summary>
    string Subresource { get; }

    /// <summary>Answers.</summary>
    Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user);
}
