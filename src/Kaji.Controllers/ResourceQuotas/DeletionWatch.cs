using System.Buffers;
using System.IO.Pipelines;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Kaji.Controllers.GarbageCollection;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ResourceQuotas;

/// <summary>Tells in which namespaces objects of a resource go (or, of Services, change), keeping nothing. After a gap it tells the empty namespace: all of them.</summary>
internal sealed partial class DeletionWatch(IApiClient client, ApiResource resource, Action<string> gone, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Interrupted(resource.GroupResource, e.Message);
            }

            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        if (await RawCalls.GetAsync(client, $"{resource.Collection(null)}?limit=1", "application/json", cancellationToken) is not { } first)
        {
            return;
        }

        var (version, _) = MetadataReader.ReadList(first, []);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{resource.Collection(null)}?watch=true&resourceVersion={version}");
        using var response = await client.SendAsync(request, cancellationToken);
        await RawCalls.ThrowIfFailedAsync(response, cancellationToken);
        gone("");
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var reader = PipeReader.Create(body);
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var buffer = read.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end);
                if (!line.IsEmpty)
                {
                    var (type, obj, _) = MetadataReader.ReadEvent(line);
                    if (type == "ERROR")
                    {
                        return;
                    }

                    if (obj is not null && (type == "DELETED" || (type == "MODIFIED" && !Api.Quotas.QuotaUsage.OnlyCounts(resource.GroupResource))))
                    {
                        gone(obj.Namespace);
                    }
                }

                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "quota: watch of {resource} interrupted: {why}")]
    private partial void Interrupted(string resource, string why);
}
