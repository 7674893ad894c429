using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Authorization;

/// <summary>Allowed when one of several authorizers allows.</summary>
public sealed class UnionAuthorizer(params IReadOnlyList<IAuthorizer> authorizers) : IAuthorizer
{
    public Decision Authorize(UserInfo user, RequestInfo request)
    {
        foreach (var authorizer in authorizers)
        {
            if (authorizer.Authorize(user, request) is { Allowed: true } yes)
            {
                return yes;
            }
        }

        return new Decision(false, "");
    }
}
