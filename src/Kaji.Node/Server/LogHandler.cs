using Kaji.Node.Logs;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Server;

/// <summary><c>GET /containerLogs/NAMESPACE/POD/CONTAINER</c>. Refusals are the kubelet's sentences, which kubectl shows.</summary>
internal sealed class LogHandler(IPodDirectory pods, LogReader reader, ContainerExits exits, TimeProvider time)
{
    public async Task HandleAsync(HttpContext context, string ns, string pod, string container)
    {
        if (LogQuery.Parse(context.Request.Query, time.GetUtcNow(), out var error) is not { } query)
        {
            await Answers.TextAsync(context, StatusCodes.Status422UnprocessableEntity, error);
            return;
        }

        if (pods.Find(ns, pod) is not { } place)
        {
            await Answers.TextAsync(context, StatusCodes.Status404NotFound, $"pod \"{pod}\" not found");
            return;
        }

        if (place.Container(container) is not { } found)
        {
            await Answers.TextAsync(context, StatusCodes.Status404NotFound, $"container \"{container}\" not found in pod \"{pod}\"");
            return;
        }

        var path = query.Previous ? found.PreviousLogPath : found.LogPath;
        if (path is null || !File.Exists(path))
        {
            await Answers.TextAsync(context, StatusCodes.Status400BadRequest, query.Previous
                ? $"previous terminated container \"{container}\" in pod \"{pod}\" not found"
                : found.WaitingReason is { } reason ? $"container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}"
                : $"container \"{container}\" in pod \"{pod}\" is not available");
            return;
        }

        context.Response.ContentType = "text/plain";
        await context.Response.StartAsync(context.RequestAborted);

        // Headers now: a follower of a quiet container must not wait for the first line to know that it is served.
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        var ended = query.Previous || found.ContainerId is null ? Task.CompletedTask : exits.WhenEnded(found.ContainerId);
        await reader.CopyAsync(path, query, context.Response.BodyWriter, ended, context.RequestAborted);
    }
}

/// <summary>Plain answers.</summary>
internal static class Answers
{
    public static Task TextAsync(HttpContext context, int status, string text, string contentType = "text/plain; charset=utf-8")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
