using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Audit;

/// <summary>Begins the record of each request that the policy wants audited.</summary>
internal sealed class Auditor(AuditOptions options, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private readonly AuditLog _log = new(options, time, log);

    /// <returns>Null when the request is not audited.</returns>
    public async ValueTask<AuditRecord?> BeginAsync(HttpContext context, RequestInfo info, UserInfo user)
    {
        if (options.Policy.For(info, user) is not { } rule)
        {
            return null;
        }

        var record = new AuditRecord(_log, rule, context, info, user, time);
        context.Features.Set(record);
        context.Response.Headers["Audit-Id"] = record.Id;
        await record.StageAsync("RequestReceived");
        if (info.Verb == "watch" || info.Subresource is "exec" or "attach" or "portforward" or "proxy" or "log")
        {
            context.Response.OnStarting(() => record.StageAsync("ResponseStarted").AsTask());
        }

        return record;
    }

    public ValueTask DisposeAsync() => _log.DisposeAsync();
}
