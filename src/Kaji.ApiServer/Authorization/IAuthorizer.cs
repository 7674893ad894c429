using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Authorization;

/// <summary>Decides whether a user may do what a request asks.</summary>
public interface IAuthorizer
{
    /// <summary>The decision. Reads only memory: it is on the path of each request.</summary>
    Decision Authorize(UserInfo user, RequestInfo request);
}

/// <summary>An authorizer's answer. Not allowed is "no opinion" for the next authorizer; in the end it is 403.</summary>
/// <param name="Allowed">Whether it may.</param>
/// <param name="Reason">For people, as <c>RBAC: allowed by ClusterRoleBinding "x" …</c>; may be empty.</param>
public readonly record struct Decision(bool Allowed, string Reason);
