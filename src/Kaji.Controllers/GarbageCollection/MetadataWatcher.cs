using System.Buffers;
using System.IO.Pipelines;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>Keeps one resource's part of the graph true, by list (in pages) then watch; as <see cref="Informer{T}"/>, but for a kind known only by name and without keeping objects.</summary>
internal sealed partial class MetadataWatcher(IApiClient client, ApiResource resource, OwnershipGraph graph, Action<IReadOnlyCollection<string>> look, TimeProvider time, ILogger log)
{
    private const int PageSize = 500;
    private const string Json = "application/json";
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the first list is taken in, or the resource turned out not to be served.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Runs until cancelled, or until the resource is no longer served.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string? version = null;
        var delay = FirstDelay;
        try
        {
            while (true)
            {
                try
                {
                    version ??= await ListAsync(cancellationToken);
                    if (version is null)
                    {
                        return;
                    }

                    _synced.TrySetResult();
                    version = await WatchAsync(version, cancellationToken);
                    delay = FirstDelay;
                    await Task.Delay(FirstDelay, time, cancellationToken);
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    Interrupted(resource.GroupResource, e.Message);
                    await Task.Delay(delay + (delay * Random.Shared.NextDouble() / 4), time, cancellationToken);
                    delay = delay * 2 > MaxDelay ? MaxDelay : delay * 2;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            _synced.TrySetResult();
        }
    }

    /// <returns>The version to watch from; null when the resource is not served.</returns>
    private async Task<string?> ListAsync(CancellationToken cancellationToken)
    {
        var listed = new HashSet<string>(StringComparer.Ordinal);
        var page = new List<ObjectMetadata>();
        var token = "";
        while (true)
        {
            var path = $"{resource.Collection(null)}?limit={PageSize}" + (token.Length == 0 ? "" : $"&continue={Uri.EscapeDataString(token)}");
            byte[]? answer;
            try
            {
                answer = await RawCalls.GetAsync(client, path, Json, cancellationToken);
            }
            catch (ApiException e) when (e.IsGone && token.Length > 0)
            {
                // The list took longer than the store keeps revisions: begin again.
                token = "";
                listed.Clear();
                continue;
            }

            if (answer is null)
            {
                return null;
            }

            page.Clear();
            (var version, token) = MetadataReader.ReadList(answer, page);
            foreach (var obj in page)
            {
                listed.Add(obj.Uid);
                look(graph.Put(resource, obj));
            }

            if (token.Length == 0)
            {
                look(graph.Retain(resource, listed));
                return version;
            }
        }
    }

    /// <returns>The version to go on from; null to list again.</returns>
    private async Task<string?> WatchAsync(string version, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{resource.Collection(null)}?watch=true&allowWatchBookmarks=true&resourceVersion={version}");
        using var response = await client.SendAsync(request, cancellationToken);
        if (response.StatusCode is System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.Gone)
        {
            return null;
        }

        await RawCalls.ThrowIfFailedAsync(response, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var reader = PipeReader.Create(body);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                var buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    if (!Take(buffer.Slice(0, end), ref version))
                    {
                        return null;
                    }

                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                {
                    return version;
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    /// <returns>False when the watch has lost its place.</returns>
    private bool Take(ReadOnlySequence<byte> line, ref string version)
    {
        if (line.IsEmpty)
        {
            return true;
        }

        var (type, obj, _) = MetadataReader.ReadEvent(line);
        if (type == "ERROR" || obj is null)
        {
            return false;
        }

        version = obj.ResourceVersion;
        switch (type)
        {
            case "ADDED" or "MODIFIED":
                look(graph.Put(resource, obj));
                break;
            case "DELETED":
                look(graph.Remove(resource, obj.Uid));
                break;
        }

        return true;
    }

    [LoggerMessage(1, LogLevel.Warning, "garbage collection: list or watch of {resource} interrupted: {why}")]
    private partial void Interrupted(string resource, string why);
}
