using Kaji.Linux.Inotify;

namespace Kaji.Node.Logs;

/// <summary>
/// Shares one inotify watch of a directory among all who follow logs in it. Lock order: this object's gate, then the hub's.
/// </summary>
public sealed class DirectoryChanges(InotifyHub hub)
{
    private readonly Dictionary<string, Shared> _directories = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>Begins to listen to writes, creations and renames in a directory. Dispose the answer.</summary>
    public Listener Listen(string directory)
    {
        lock (_gate)
        {
            if (!_directories.TryGetValue(directory, out var shared))
            {
                shared = new Shared();
                shared.Registration = hub.Watch(directory, FileEvents.Modified | FileEvents.Created | FileEvents.MovedTo | FileEvents.MovedFrom, _ => shared.Signal());
                _directories[directory] = shared;
            }

            var listener = new Listener(this, directory);
            shared.Add(listener);
            return listener;
        }
    }

    private void Forget(Listener listener)
    {
        lock (_gate)
        {
            if (_directories.TryGetValue(listener.Directory, out var shared) && shared.Remove(listener))
            {
                _directories.Remove(listener.Directory);
                shared.Registration?.Dispose();
            }
        }
    }

    /// <summary>Told that something in the directory has changed since it last waited.</summary>
    public sealed class Listener(DirectoryChanges owner, string directory) : IDisposable
    {
        private readonly SemaphoreSlim _changed = new(0);
        private int _signalled;

        internal string Directory { get; } = directory;

        /// <summary>Returns at once when something has changed since the last wait.</summary>
        public async Task WaitAsync(CancellationToken cancellationToken)
        {
            await _changed.WaitAsync(cancellationToken);
            Volatile.Write(ref _signalled, 0);
        }

        /// <summary>Wakes the waiter for a reason of the caller's.</summary>
        public void Signal()
        {
            if (Interlocked.Exchange(ref _signalled, 1) == 0)
            {
                _changed.Release();
            }
        }

        public void Dispose() => owner.Forget(this);
    }

    private sealed class Shared
    {
        private Listener[] _listeners = [];

        public IDisposable? Registration { get; set; }

        public void Add(Listener listener) => _listeners = [.. _listeners, listener];

        /// <summary>True when none is left.</summary>
        public bool Remove(Listener listener) => (_listeners = [.. _listeners.Where(l => l != listener)]).Length == 0;

        public void Signal()
        {
            foreach (var listener in Volatile.Read(ref _listeners))
            {
                listener.Signal();
            }
        }
    }
}
