using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Kaji.Store;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// A watch: one JSON object a line for each change, from a resource version on. Stored bytes go out as they are unless a selector or another form has to look into them.
/// A watcher that falls behind the store's bound, or starts too early, gets an ERROR event with 410 and lists again.
/// </summary>
internal sealed class WatchHandler(ObjectRegistry registry, CancellationToken stopping)
{
    private static readonly TimeSpan BookmarkEvery = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(45);

    public async Task HandleAsync(HttpContext context, RequestInfo info, ResourceInfo resource)
    {
        var query = context.Request.Query;
        var watch = new OpenWatch(registry, resource, Selection.Of(resource, info, query), Representation.Of(context.Request), context.Response.BodyWriter);
        ListOptions.Validate(query, watch: true);
        if (Rendering.WantsYaml(context.Request))
        {
            throw new ApiErrorException(ApiErrors.NotAcceptable("application/json"));
        }

        var bookmarks = query["allowWatchBookmarks"].ToString() is "true" or "1";
        var initial = query["sendInitialEvents"].ToString() is "true" or "1";
        var version = query["resourceVersion"].ToString();
        var prefix = StorageKeys.Collection(StorageVersions.Of(resource), info.Namespace);
        var seconds = int.TryParse(query["timeoutSeconds"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0 ? TimeSpan.FromSeconds(asked) : DefaultTimeout;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        end.CancelAfter(seconds);
        await using var retired = resource.Custom is null ? default : registry.Catalog.Current.Definition(resource.Group, resource.Plural)?.Retired.Register(end.Cancel) ?? default;

        context.Response.StatusCode = 200;
        context.Response.ContentType = watch.ContentType;
        long from;
        if (initial || (version is "" or "0" && !query.ContainsKey("sendInitialEvents")))
        {
            var all = registry.Store.Range(prefix);
            from = all.Revision;
            foreach (var entry in all.Entries)
            {
                await watch.AddedAsync(entry, context.RequestAborted);
            }

            if (initial)
            {
                watch.Bookmark(from, initialEnd: true);
            }
        }
        else
        {
            from = version is "" or "0" ? registry.Store.Revision : ListHandler.ParseRevision(version);
        }

        await context.Response.StartAsync(context.RequestAborted);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        using var events = registry.Store.Watch(prefix, from);
        try
        {
            await FollowAsync(watch, events, context.Response.BodyWriter, bookmarks, end.Token);
        }
        catch (OperationCanceledException)
        {
            if (!context.RequestAborted.IsCancellationRequested && bookmarks)
            {
                // The time is up, or the server stops: the client goes on from here elsewhere.
                watch.Bookmark(events.Progress, initialEnd: false);
                await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
            }
        }
    }

    private static async Task FollowAsync(OpenWatch watch, IStoreWatch events, PipeWriter body, bool bookmarks, CancellationToken end)
    {
        var batch = new List<StoreEvent>();
        while (true)
        {
            using var quiet = CancellationTokenSource.CreateLinkedTokenSource(end);
            if (bookmarks)
            {
                quiet.CancelAfter(BookmarkEvery);
            }

            batch.Clear();
            try
            {
                if (!await events.ReadAsync(batch, quiet.Token))
                {
                    if (events.EndReason != WatchEndReason.Closed)
                    {
                        watch.Gone(events.Progress);
                        await body.FlushAsync(end);
                    }

                    return;
                }
            }
            catch (OperationCanceledException) when (!end.IsCancellationRequested)
            {
                watch.Bookmark(events.Progress, initialEnd: false);
                await body.FlushAsync(end);
                continue;
            }

            foreach (var change in batch)
            {
                await watch.ChangedAsync(change, end);
            }

            if ((await body.FlushAsync(end)).IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>What one client watches, and how it wants to see it.</summary>
    private sealed class OpenWatch(ObjectRegistry registry, ResourceInfo resource, Selection selection, Representation representation, PipeWriter body)
    {
        private readonly bool _stored = representation.Form == Form.Object && StorageVersions.IsStored(resource);
        private bool _first = true;

        public string ContentType => representation.Form switch
        {
            Form.Table => "application/json;as=Table;v=v1;g=meta.k8s.io;stream=watch",
            _ => "application/json;stream=watch",
        };

        public async ValueTask AddedAsync(Entry entry, CancellationToken cancellationToken)
        {
            if (selection.IsEverything || await MatchesAsync(entry, cancellationToken))
            {
                await ObjectAsync("ADDED", entry, cancellationToken);
            }
        }

        public async ValueTask ChangedAsync(StoreEvent change, CancellationToken cancellationToken)
        {
            var now = change.Kind != WriteKind.Delete && (selection.IsEverything || await MatchesAsync(change.Entry, cancellationToken));
            var before = change.Kind != WriteKind.Create && (selection.IsEverything || (change.Previous is { } previous && await MatchesAsync(previous, cancellationToken)));
            switch (before, now)
            {
                case (false, true):
                    await ObjectAsync("ADDED", change.Entry, cancellationToken);
                    break;
                case (true, true):
                    await ObjectAsync("MODIFIED", change.Entry, cancellationToken);
                    break;
                case (true, false):
                    await ObjectAsync("DELETED", change.Entry, cancellationToken);
                    break;
            }
        }

        public void Bookmark(long revision, bool initialEnd)
        {
            var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
            if (initialEnd)
            {
                metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
            }

            var obj = new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion, ["metadata"] = metadata };
            if (representation.Form == Form.Metadata)
            {
                (obj["kind"], obj["apiVersion"]) = ("PartialObjectMetadata", "meta.k8s.io/v1");
            }

            Line("BOOKMARK", ObjectCodec.Bytes(representation.Form == Form.Table ? representation.Event(resource, obj, registry.Time.GetUtcNow(), first: false) : obj));
        }

        public void Gone(long revision) =>
            Line("ERROR", StatusJson.Bytes(new ApiError(410, "Expired", $"too old resource version: {revision} ({registry.Store.Revision})")));

        /// <summary>What a custom object's fields are in this version, only its version can tell.</summary>
        private async ValueTask<bool> MatchesAsync(Entry entry, CancellationToken cancellationToken) =>
            resource.Custom is not null && !StorageVersions.IsStored(resource) ? selection.Matches(await registry.StoredAsync(resource, entry, cancellationToken)) : selection.Matches(entry);

        private async ValueTask ObjectAsync(string type, Entry entry, CancellationToken cancellationToken)
        {
            if (_stored)
            {
                Line(type, entry.Value.Span);
                return;
            }

            Line(type, ObjectCodec.Bytes(representation.Event(resource, await registry.ReadAsync(resource, entry, cancellationToken), registry.Time.GetUtcNow(), _first)));
            _first = false;
        }

        private void Line(string type, ReadOnlySpan<byte> obj)
        {
            body.Write("{\"type\":\""u8);
            Span<byte> name = stackalloc byte[8];
            body.Write(name[..System.Text.Encoding.ASCII.GetBytes(type, name)]);
            body.Write("\",\"object\":"u8);
            body.Write(obj);
            body.Write("}\n"u8);
        }
    }
}
