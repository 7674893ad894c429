using Kaji.Api;
using Kaji.Api.Errors;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Requests;

/// <summary>What lists and watches may not ask together (meta/v1 ListOptions). https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list</summary>
internal static class ListOptions
{
    private const string Match = "resourceVersionMatch";

    /// <exception cref="ApiErrorException">422.</exception>
    public static void Validate(IQueryCollection query, bool watch)
    {
        var match = query[Match].ToString();
        var initial = query.ContainsKey("sendInitialEvents");
        if (match.Length == 0 && !initial)
        {
            return;
        }

        var errors = new List<FieldError>();
        if (watch)
        {
            if (initial && match != "NotOlderThan")
            {
                errors.Forbidden(Match, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
            }

            if (match.Length > 0 && !initial)
            {
                errors.Forbidden(Match, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
            }

            if (match is not ("" or "NotOlderThan"))
            {
                errors.NotSupported(Match, match, ["NotOlderThan"]);
            }
        }
        else
        {
            if (match.Length > 0 && query["resourceVersion"].Count == 0)
            {
                errors.Forbidden(Match, "resourceVersionMatch is forbidden unless resourceVersion is provided");
            }

            if (match is not ("" or "Exact" or "NotOlderThan"))
            {
                errors.NotSupported(Match, match, ["Exact", "NotOlderThan", ""]);
            }

            if (match == "Exact" && query["resourceVersion"] == "0")
            {
                errors.Forbidden(Match, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }

            if (initial)
            {
                errors.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
            }
        }

        if (query["continue"].ToString().Length > 0)
        {
            errors.Forbidden(Match, "resourceVersionMatch is forbidden when continue is provided");
        }

        if (errors.Count > 0)
        {
            throw new ApiErrorException(ApiErrors.Invalid("meta.k8s.io", "ListOptions", "", errors));
        }
    }
}
